import { describe, expect, test } from 'vitest'
import { slot } from '../fixtures/slot.ts'
import type { WorkStep } from '../workload.ts'
import { closedLoop } from './closed-loop.ts'

const bar = 'bar of d0'
const workload = {
  ...slot(2),
  mappings: [...slot(2).mappings, { ...slot(1).mappings[0]!, name: 'later', later: true }],
}

describe('what a round takes away it gives back:', () => {
  test.each<[string, readonly WorkStep[], readonly WorkStep[]]>([
    [
      'memory',
      [{ do: 'set-memory', device: 'd0', on: false }],
      [{ do: 'set-memory', device: 'd0', on: true }],
    ],
    ['power', [{ do: 'power', device: 'd0', state: 'D3hot' }], [{ do: 'power', device: 'd0', state: 'D0' }]],
    ['an open', [{ do: 'close', device: 'd0' }], [{ do: 'open', device: 'd0' }]],
    [
      'two closes',
      [
        { do: 'open', device: 'd0' },
        { do: 'open', device: 'd0' },
      ],
      [
        { do: 'close', device: 'd0' },
        { do: 'close', device: 'd0' },
      ],
    ],
    ['a mapping', [{ do: 'munmap', mapping: bar }], [{ do: 'mmap', mapping: bar }]],
    ['the absence of one', [{ do: 'mmap', mapping: 'later' }], [{ do: 'munmap', mapping: 'later' }]],
  ])('%s', (_what, steps, undone) => {
    expect(closedLoop(steps, workload)).toEqual([...steps, ...undone])
    expect(closedLoop([...steps, ...undone], workload)).toEqual([...steps, ...undone])
  })

  test('of each device on its own', () => {
    const off = (device: string): WorkStep => ({ do: 'set-memory', device, on: false })
    expect(
      closedLoop([off('d0'), off('d1'), { ...off('d0'), on: true } as WorkStep], workload).slice(3),
    ).toEqual([{ do: 'set-memory', device: 'd1', on: true }])
  })

  test('nothing of what takes nothing away', () => {
    const steps: WorkStep[] = [
      { do: 'touch', mapping: bar },
      { do: 'hot-reset' },
      { do: 'reset', device: 'd0' },
    ]
    expect(closedLoop(steps, workload)).toEqual(steps)
  })
})
