/** Our unreduced search against SPIN on the same automata: state by state the same number. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AnyLockingStrategy } from '@vfiokit/locking'
import { rfc2021, unmapRange, vmaList } from '@vfiokit/locking-strategies'
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

/** What both counted, for machines without SPIN. */
const RECORDED: readonly [AnyLockingStrategy, devices: number, faults: number, resets: number, Counts][] = [
  [unmapRange, 2, 1, 1, { states: 3218, transitions: 8972 }],
  [unmapRange, 2, 1, 2, { states: 11_462, transitions: 33_133 }],
  [rfc2021, 2, 1, 1, { states: 2372, transitions: 6190 }],
  [rfc2021, 2, 1, 2, { states: 8510, transitions: 25_947 }],
  [vmaList, 2, 1, 1, { states: 22_248, transitions: 70_344 }],
  [vmaList, 1, 2, 2, { states: 91_012, transitions: 341_968 }],
]
const rows = RECORDED.map(([strategy, devices, faults, resets, counts]) => {
  const size = { devices, faults, resets }
  return { name: `${strategy.name} ${devices}:${faults}:${resets}`, strategy, size, counts }
})

describe('without reductions', () => {
  test.each(rows)('$name has as many states as was recorded', ({ strategy, size, counts }) => {
    expect(ours(new Model(strategy, slot(size)).program())).toEqual(counts)
  })

  // Building takes SPIN and gcc seconds: a few sizes are enough to tie both counts together.
  test.runIf(HAS_SPIN).each(rows.slice(0, 5).filter((_, at) => at % 2 === 0))(
    'SPIN counts the same: $name',
    (row) => {
      const found = spin(new Model(row.strategy, slot(row.size)).program())
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
