import type { VfioHost } from '@vfiokit/vfio-core'
import { expect, test } from 'vitest'
import { conform } from './conform.ts'
import { ownGolden } from './own-data.ts'

test('each trace is a job of its own: what the one before it used can go', async () => {
  const [golden, jobs] = [ownGolden(), [] as number[]]
  const traces = golden.traceNames('7.2', 'multifn').slice(0, 3)
  let job = 0
  const tick = () => {
    job += 1
    pending = setImmediate(tick)
  }
  let pending = setImmediate(tick)
  await conform({
    kernels: ['7.2'],
    golden,
    data: golden,
    makeHost: () => ({ vfio: { process: () => ({}) } as unknown as VfioHost }),
    wants: (host, trace) => host === 'multifn' && traces.includes(trace),
    onTrace: () => jobs.push(job),
  })
  clearImmediate(pending)
  expect([jobs.length, new Set(jobs).size]).toEqual([3, 3])
})
