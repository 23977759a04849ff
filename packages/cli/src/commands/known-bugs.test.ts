/** The canaries and the strategies with a known bug: what the explorer finds, at which size, and by which way. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { vfiokit } from '../fixtures/command-line.ts'

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const scenario = (name: string) => file(`../../../../examples/researcher/${name}.yaml`)
const KEPT = file('../fixtures/counterexamples')
const STRATEGIES_PAGE = file('../../../../docs/strategies.md')

type Size = readonly [devices: number, faults: number, resets: number]

interface KnownBug {
  readonly strategy: string
  readonly scenario: string
  /** Absent: that of the file. */
  readonly size?: Size
  readonly locks?: 'fair'
  readonly property: string
  /** Of the shortest counterexample. */
  readonly steps: number
  /** Name of the file that keeps it; that of the strategy by default. */
  readonly kept?: string
}

const KNOWN_BUGS: readonly KnownBug[] = [
  { strategy: 'zap-before-lock', scenario: 'slot', size: [1, 1, 0], property: 'I1', steps: 9 },
  { strategy: 'naive', scenario: 'slot', size: [1, 1, 1], property: 'deadlock', steps: 20 },
  {
    strategy: 'vma-list-recursive-read',
    scenario: 'slot-munmap',
    locks: 'fair',
    property: 'deadlock',
    steps: 10,
  },
  { strategy: 'vma-list-no-guard', scenario: 'slot', size: [1, 2, 0], property: 'throws', steps: 20 },
  { strategy: 'vma-list-drops-too-early', scenario: 'slot', size: [1, 1, 0], property: 'I1', steps: 14 },
  {
    strategy: 'vma-list-mmap-under-vma-lock',
    scenario: 'slot-munmap',
    property: 'deadlock',
    steps: 22,
  },
  { strategy: 'vma-list-fork-keeps-pages', scenario: 'slot-fork', property: 'I1', steps: 30 },
  { strategy: 'vma-list-one-cursor', scenario: 'slot', size: [2, 0, 2], property: 'I7', steps: 23 },
  { strategy: 'rfc-2021-pfn-key', scenario: 'slot', size: [1, 1, 0], property: 'I1', steps: 9 },
  { strategy: 'rfc-2021-no-guard', scenario: 'slot', size: [1, 2, 0], property: 'throws', steps: 14 },
  { strategy: 'shared-inode-zap-first', scenario: 'slot', size: [1, 1, 1], property: 'I1', steps: 10 },
  {
    strategy: 'unmap-range-no-set-lock',
    scenario: 'slot-open-close',
    size: [2, 0, 1],
    property: 'I6',
    steps: 9,
  },
  {
    strategy: 'unmap-range-no-open-lock',
    scenario: 'slot-two-owners',
    property: 'lost-update',
    steps: 3,
  },
  { strategy: 'vma-list', scenario: 'slot-open-close', size: [2, 0, 1], property: 'I6', steps: 13 },
  { strategy: 'rfc-2021', scenario: 'slot-open-close', size: [2, 0, 1], property: 'I6', steps: 9 },
  { strategy: 'vma-list', scenario: 'slot-two-resets', property: 'busy', steps: 3, kept: 'vma-list-busy' },
  { strategy: 'rfc-2021', scenario: 'slot-two-resets', property: 'busy', steps: 3, kept: 'rfc-2021-busy' },
]

const keptName = ({ kept, strategy }: KnownBug): string => kept ?? strategy

function asked({ strategy, scenario: name, size, locks }: KnownBug): string[] {
  const [devices, faults, resets] = size?.map(String) ?? []
  const sizes = size === undefined ? [] : ['--devices', devices!, '--faults', faults!, '--resets', resets!]
  return ['explore', scenario(name), '--strategy', strategy, ...sizes, '--locks', locks ?? 'free']
}

async function verdictOf(bug: KnownBug, ...mode: string[]) {
  const { code, out } = await vfiokit([...asked(bug), ...mode, '--json'])
  const [result] = JSON.parse(out).results
  return { code, verdict: result.verdict, property: result.property, counterexample: result.counterexample }
}

/** One less of something. */
function smaller([devices, faults, resets]: Size): Size[] {
  const sizes: Size[] = [
    [devices - 1, faults, resets],
    [devices, faults - 1, resets],
    [devices, faults, resets - 1],
  ]
  return sizes.filter(([d, f, r]) => d >= 1 && f >= 0 && r >= 0)
}

describe.each(KNOWN_BUGS)('$strategy in $scenario', (bug) => {
  const { strategy, size, property, steps } = bug

  test(`comes to ${property} in ${steps} steps, the fewest there are`, async () => {
    const { code, counterexample, ...found } = await verdictOf(bug)
    expect(found).toEqual({ verdict: property === 'deadlock' ? 'deadlock' : 'violation', property })
    expect(counterexample.isShortest).toBe(true)
    expect(counterexample.steps).toHaveLength(steps)
    expect(code).toBe(1)
  })

  test.each([
    ['bounded', '--preemptions', '2'],
    ['sample', '--runs', '20000'],
  ])('is found by %s as well', async (mode, ...options) => {
    expect(await verdictOf(bug, '--mode', mode, ...options)).toMatchObject({ property })
  })

  test('takes the way that was kept again', async () => {
    const { code, out } = await vfiokit([...asked(bug), '--replay', `${KEPT}/${keptName(bug)}.json`])
    expect(out).toBe(`${strategy}: ${property} again, after ${steps} steps\n`)
    expect(code).toBe(0)
  })

  if (size !== undefined)
    test.each(smaller(size).map((each) => [each.join(':'), each] as const))(
      'does no harm at %s',
      async (_name, less) => {
        expect(await verdictOf({ ...bug, size: less })).toMatchObject({ verdict: 'ok' })
      },
    )

  test('stands in the documentation with size and length', () => {
    const row = readFileSync(STRATEGIES_PAGE, 'utf8')
      .split('\n')
      .find((line) => line.startsWith(`| \`${strategy}\``) && line.includes(`\`${bug.scenario}`))
    const cells = row!.split('|').map((cell) => cell.trim())
    const at = size === undefined ? `\`${bug.scenario}\`` : `\`${bug.scenario}\` ${size.join(':')}`
    expect(cells.slice(2, 5)).toEqual([property, at, String(steps)])
  })
})

test.each(KNOWN_BUGS.filter(({ property }) => property === 'deadlock'))(
  'the order of locks alone convicts $strategy',
  async (bug) => {
    expect(await verdictOf(bug, '--mode', 'lockdep')).toMatchObject({ verdict: 'deadlock' })
  },
)

test('every counterexample that is kept is replayed', () => {
  expect(existsSync(KEPT)).toBe(true)
  expect(readdirSync(KEPT).sort()).toEqual(KNOWN_BUGS.map((bug) => `${keptName(bug)}.json`).sort())
})
