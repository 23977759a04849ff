/** Our unreduced search against SPIN on the same automata: state by state the same number. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AnyLockingStrategy } from '@vfiokit/locking'
import {
  layered,
  ordered,
  rfc2021,
  setRwsem,
  sharedInode,
  unmapRange,
  vmaList,
  vmaListDeviceSet,
} from '@vfiokit/locking-strategies'
import { naive, zapBeforeLock } from '@vfiokit/locking-strategies/canaries'
import { describe, expect, test } from 'vitest'
import { slot } from '../fixtures/slot.ts'
import { Model } from '../model/model.ts'
import type { Program } from '../program/program.ts'
import { Machine } from '../search/machine.ts'
import { NO_REDUCTIONS, StateSearch } from '../search/state-search.ts'
import { dotOf } from './dot.ts'
import { promelaOf } from './promela.ts'

const STARTING = { states: 2, transitions: 3 }

interface Counts {
  readonly states: number
  readonly transitions: number
}

function isInstalled(command: string): boolean {
  try {
    execFileSync('which', [command], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function spin(program: Program): Counts & { readonly errors: number } {
  const folder = mkdtempSync(join(tmpdir(), 'vfiokit-spin-'))
  const run = (command: string, ...args: string[]) =>
    execFileSync(command, args, { cwd: folder, encoding: 'utf8' })
  try {
    writeFileSync(join(folder, 'model.pml'), promelaOf(program))
    run('spin', '-a', 'model.pml')
    run('gcc', '-O1', '-DSAFETY', '-DNOREDUCE', '-w', '-o', 'pan', 'pan.c')
    const out = run('./pan', '-m100000')
    const number = (pattern: RegExp) => Number(pattern.exec(out)![1])
    return {
      states: number(/(\d+) states, stored/),
      transitions: number(/(\d+) transitions/),
      errors: number(/errors: (\d+)/),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function ours(program: Program): Counts {
  const search = new StateSearch(new Machine(program, 'any-free-moment'), { reductions: NO_REDUCTIONS })
  search.run()
  return { states: search.store.count, transitions: search.transitions }
}

const HAS_SPIN = isInstalled('spin') && isInstalled('gcc')
const SPIN_TIMEOUT_MS = 120_000

/** What both counted, for machines without SPIN; SPIN was asked for all of them. */
const RECORDED: readonly [
  AnyLockingStrategy,
  Readonly<Record<string, readonly [states: number, transitions: number]>>,
][] = [
  [unmapRange, { '2:1:1': [3218, 8972], '1:2:2': [7368, 21_136], '2:1:2': [11_462, 33_133] }],
  [vmaList, { '2:1:1': [22_248, 70_344], '1:2:2': [91_012, 341_968] }],
  [rfc2021, { '2:1:1': [2372, 6190], '1:2:2': [3856, 11_274], '2:1:2': [8510, 25_947] }],
  [sharedInode, { '2:1:1': [3574, 10_021], '1:2:2': [7368, 21_136], '2:1:2': [12_158, 35_487] }],
  [layered, { '2:1:1': [3136, 8761], '1:2:2': [7368, 21_136], '2:1:2': [11_114, 32_247] }],
  [vmaListDeviceSet, { '2:1:1': [26_042, 83_413], '1:2:2': [45_846, 141_800], '2:1:2': [101_022, 329_119] }],
  [ordered, { '2:1:1': [3218, 8650], '1:2:2': [7368, 19_968], '2:1:2': [11_462, 31_661] }],
  [setRwsem, { '2:1:1': [2638, 6802], '1:2:2': [7368, 19_968], '2:1:2': [9286, 24_867] }],
]
const rows = RECORDED.flatMap(([strategy, counts]) =>
  Object.entries(counts).map(([size, [states, transitions]]) => {
    const [devices, faults, resets] = size.split(':').map(Number)
    const spec = slot({ devices: devices!, faults: faults!, resets: resets! })
    return { name: `${strategy.name} ${size}`, size, strategy, spec, counts: { states, transitions } }
  }),
)

describe('without reductions', () => {
  test.each(rows)('$name has as many states as was recorded', ({ strategy, spec, counts }) => {
    expect(ours(new Model(strategy, spec).program())).toEqual(counts)
  })

  // Building takes SPIN and gcc seconds: one size of each strategy ties both counts together.
  test.runIf(HAS_SPIN).each(rows.filter(({ size }) => size === '2:1:1'))(
    'SPIN counts the same: $name',
    (row) => {
      const found = spin(new Model(row.strategy, row.spec).program())
      expect(found).toEqual({
        states: row.counts.states + STARTING.states,
        transitions: row.counts.transitions + STARTING.transitions,
        errors: 0,
      })
    },
    SPIN_TIMEOUT_MS,
  )

  test.runIf(HAS_SPIN).each([zapBeforeLock, naive])(
    'SPIN finds what is wrong with $name',
    (strategy) => {
      const program = new Model(strategy, slot({ devices: 2, faults: 1, resets: 1 })).program()
      expect(spin(program).errors).toBeGreaterThan(0)
    },
    SPIN_TIMEOUT_MS,
  )
})

test('an automaton is a graph with an edge for each result', () => {
  const { automata } = new Model(unmapRange, slot({ devices: 1, faults: 1, resets: 0 })).program()
  const text = dotOf(automata[0]!)
  const edges = automata[0]!.nodes.reduce((sum, { next }) => sum + next.length, 0)
  expect(text.match(/ -> /g)).toHaveLength(edges)
  expect(text).toContain('[label="true"]')
})
