import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ContentionResult, shareText } from '@vfiokit/contention'
import { describe, expect, onTestFinished, test } from 'vitest'
import { vfiokit } from '../fixtures/command-line.ts'

const example = (name: string) =>
  fileURLToPath(new URL(`../../../../examples/researcher/${name}`, import.meta.url))
const SLOT = example('slot.yaml')
const SHORT = ['--duration', '0.5']

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'vfiokit-contention-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

async function compared(...args: string[]) {
  const { code, out, err } = await vfiokit(['contention', ...args, '--json'])
  expect(err).toBe('')
  return { code, ...JSON.parse(out) }
}

describe('the slot that strategies are compared on', () => {
  test('has figures of every strategy that ships', async () => {
    const { code, results, costs, seed, scenario } = await compared(SLOT, '--all', ...SHORT)
    expect([code, scenario, seed]).toEqual([0, SLOT, 1])
    expect(results).toHaveLength(8)
    for (const result of results) {
      expect(result).toMatchObject({ verdict: 'ok', devices: 2, mappings: 1, faultRate: 100 })
      expect(result.simulatedNs).toBe(5e8)
      expect(Object.keys(result.operations)).toEqual(['fault', 'remap', 'toggle', 'hot-reset'])
    }
    expect(costs['bus-reset']).toEqual({
      ns: 102e6,
      source: expect.stringContaining('pci_reset_secondary_bus'),
    })
    expect(costs.lock).toEqual({ ns: 20, source: 'assumed' })
  })

  test('prints equal bytes for equal seeds, and others for others', async () => {
    const args = ['contention', SLOT, '--strategy', 'vma-list', ...SHORT]
    const [one, other, third] = [
      await vfiokit(args),
      await vfiokit(args),
      await vfiokit([...args, '--seed', '7']),
    ]
    expect(one).toEqual(other)
    expect(third.out).not.toBe(one.out)
    expect(one.out).toContain(
      'slot.yaml: 0.5 s simulated, seed 1, 64 pages a mapping; costs as they are by default',
    )
    expect(one.out).toMatch(/^strategy +faults\/s +fault p50/m)
    expect(one.out).toMatch(/^strategy +hot resets\/s/m)
    expect(one.out).toMatch(/^vma-list +\d+ .* %/m)
  })

  test('is measured at each size that is asked for', async () => {
    const { results } = await compared(
      ...[SLOT, '--strategy', 'unmap-range', '--strategy', 'shared-inode', ...SHORT],
      ...['--devices', '1..4', '--mappings', '1,3', '--fault-rate', '50'],
    )
    const sizes = results.map(({ devices, mappings, faultRate, strategy }: Record<string, unknown>) => {
      return [devices, mappings, faultRate, strategy].join(' ')
    })
    expect(sizes).toHaveLength(12)
    expect(sizes.slice(0, 4)).toEqual([
      '1 1 50 unmap-range',
      '1 1 50 shared-inode',
      '1 3 50 unmap-range',
      '1 3 50 shared-inode',
    ])
  })

  test('costs what is said', async () => {
    const { results, costs } = await compared(
      ...[SLOT, '--strategy', 'unmap-range', '--devices', '1', '--reset-rate', '0', '--toggle-rate', '0'],
      ...['--cost', 'lock=1', '--cost', 'fault=0', '--cost', 'access=0', '--cost', 'insert=1e3', ...SHORT],
    )
    expect(results[0].operations.fault.p50).toBe(1004)
    expect(costs.insert).toEqual({ ns: 1000, source: 'given' })
  })

  test('is written as CSV and as SVG', async () => {
    const [csv, svg] = [join(folder(), 'a.csv'), join(folder(), 'a.svg')]
    const args = ['contention', SLOT, '--devices', '1,2', ...SHORT, '--csv', csv, '--svg', svg]
    expect((await vfiokit(args)).code).toBe(0)
    expect(readFileSync(csv, 'utf8').split('\r\n')).toHaveLength(4)
    expect(readFileSync(svg, 'utf8')).toContain('slot.yaml: 0.5 s simulated, seed 1</text>')
  })

  test.each(['slot-retry.yaml', 'slot-open-close.yaml', 'slot-munmap.yaml'])('so is %s', async (name) => {
    const { code, results } = await compared(example(name), '--all', ...SHORT)
    expect(results.map(({ verdict }: { verdict: string }) => verdict)).toEqual(Array(8).fill('ok'))
    expect(code).toBe(0)
  })

  test('takes a strategy from a file', async () => {
    const { results } = await compared(SLOT, '--strategy', example('patient.ts'), ...SHORT)
    expect(results).toMatchObject([{ strategy: 'patient', verdict: 'ok', hotResets: { refused: 0 } }])
  })
})

test('the table in docs/strategies.md is what is measured', async () => {
  const page = readFileSync(new URL('../../../../docs/strategies.md', import.meta.url), 'utf8')
  const cells = page
    .slice(page.indexOf('## Contention'))
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .slice(0, 8)
    .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')))
    .map((row) => [row[1], row[2], row[8], row[9], row[10], row[11], row[12]])
  const [two, many] = [
    await compared(SLOT, '--all', '--duration', '60'),
    await compared(SLOT, '--all', '--devices', '64'),
  ]
  expect(cells).toEqual(
    two.results.map((result: ContentionResult, at: number) => {
      const { hotResets, refaults } = many.results[at] as ContentionResult
      return [
        result.strategy,
        String(Math.round(result.touchesPerSecond)),
        shareText(result.hotResets.ebusyRate),
        shareText(result.refaults.excessShare),
        shareText(hotResets.ebusyRate),
        shareText(refaults.excessShare),
        shareText(refaults.inVainShare),
      ]
    }),
  )
})

test('a strategy that deadlocks is told so, and 1', async () => {
  const { code, out } = await vfiokit([
    ...['contention', SLOT, '--strategy', 'naive', '--cost', 'bus-reset=1000'],
    ...['--fault-rate', '20000', '--toggle-rate', '2000', '--reset-rate', '500', ...SHORT],
  ])
  expect(code).toBe(1)
  expect(out).toMatch(/^== naive, 2 devices: deadlock: .* waits for mmap_lock:vm0/m)
})

test('SIGINT ends it with what is known, and 1', async () => {
  const running = vfiokit(['contention', SLOT, '--all', '--devices', '64', '--duration', '1000', '--json'])
  const listeners = process.listenerCount('SIGINT')
  while (process.listenerCount('SIGINT') === listeners) await new Promise((resume) => setImmediate(resume))
  process.emit('SIGINT')
  const { code, out } = await running
  expect(code).toBe(1)
  expect(JSON.parse(out).results).toMatchObject([{ strategy: 'unmap-range', verdict: 'interrupted' }])
})

describe('bad input is 2, and nothing on stdout:', () => {
  test.each([
    [[SLOT, '--cost', 'lock'], '--cost: this is no cost'],
    [[SLOT, '--cost', 'luck=1'], 'found luck=1'],
    [[SLOT, '--cost', 'lock=-1'], 'found lock=-1'],
    [[SLOT, '--devices', '0'], 'Expected a whole number from 1 to 1024.'],
    [[SLOT, '--devices', '8..4'], 'Expected A..B'],
    [[SLOT, '--devices', '1,,2'], 'Expected a whole number'],
    [[SLOT, '--devices', '1..2..4'], 'Expected a whole number'],
    [[SLOT, '--fault-rate', '-1'], 'Expected a whole number from 0 to 1000000.'],
    [[SLOT, '--toggle-rate', 'x'], 'Expected a number from 0 to 1000000.'],
    [[SLOT, '--duration', '0'], 'Expected a number from 0.000001 to 86400.'],
    [[SLOT, '--seed', '4294967296'], 'Expected a whole number from 0 to 4294967295.'],
    [[SLOT, '--pages', '1048576', '--mappings', '1000'], 'pages in all mappings'],
    [[SLOT, '--strategy', 'nobody'], 'there is no such strategy'],
    [[SLOT, '--svg', '/nowhere/a.svg', ...SHORT], 'no such file or directory'],
    [['missing.yaml'], 'there is no such file'],
  ])('%j', async (args, said) => {
    const { code, out, err } = await vfiokit(['contention', ...args])
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(said)
  })

  test('a step that has no protocol', async () => {
    const path = join(folder(), 's.yaml')
    const text = readFileSync(SLOT, 'utf8').replace('host.yaml', example('host.yaml'))
    writeFileSync(
      path,
      text.replace('load: { mapping: bar0, offset: 0', 'config-read: { device: d0, offset: 4'),
    )
    const { code, err } = await vfiokit(['contention', path])
    expect(code).toBe(2)
    expect(err).toMatch(/s\.yaml:\d+:\d+: error: /)
  })
})
