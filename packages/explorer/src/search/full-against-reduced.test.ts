/** Every reduction against the search without any, on thousands of programs: same verdicts, same ends. */
import { describe, expect, test, vi } from 'vitest'
import { type RandomProgramOptions, randomProgram } from '../fixtures/random-program.ts'
import type { Program } from '../program/program.ts'
import { LOCK_CONFLICTS } from './conflicts.ts'
import { type LockSemantics, Machine } from './machine.ts'
import { KIND } from './node-tables.ts'
import { PostponedTasks } from './postponed.ts'
import { ALL_REDUCTIONS, NO_REDUCTIONS, type Reductions, StateSearch } from './state-search.ts'

const PROGRAMS_OF_A_KIND = 950
const TIMEOUT_MS = 300_000
/** A program with more is passed over: the full search would take seconds. */
const STATES_MAX = 2500
const WITHOUT_SYMMETRY: Reductions = { persistentSets: true, chains: true, symmetry: false }
const SETS_ONLY: Reductions = { persistentSets: true, chains: false, symmetry: false }

interface Seen {
  readonly terminals: ReadonlySet<string>
  readonly findings: string
  readonly states: number
  readonly isDone: boolean
}

function search(
  program: Program,
  semantics: LockSemantics,
  reductions: Reductions,
  machine: Machine = new Machine(program, semantics),
): Seen {
  const terminals = new Set<string>()
  const run = new StateSearch(machine, {
    reductions,
    all: true,
    onTerminal: ({ state }) => {
      terminals.add(state.join())
      return undefined
    },
  })
  run.run(STATES_MAX)
  const findings = run.findings.map(({ kind, check }) => check?.property ?? kind).sort()
  return { terminals, findings: findings.join(), states: run.store.count, isDone: run.isDone }
}

interface Tally {
  programs: number
  deadlocks: number
  violations: number
  mismatches: number[]
  statesFull: number
  statesReduced: number
}

function compare(semantics: LockSemantics, options: RandomProgramOptions, untilMismatch = false): Tally {
  const tally = { programs: 0, deadlocks: 0, violations: 0, statesFull: 0, statesReduced: 0 }
  const mismatches: number[] = []
  for (let seed = 0; seed < PROGRAMS_OF_A_KIND; seed++) {
    if (untilMismatch && mismatches.length > 0) break
    const program = randomProgram(seed, options)
    const full = search(program, semantics, NO_REDUCTIONS)
    if (!full.isDone) continue
    const reduced = search(program, semantics, seed % 2 === 0 ? WITHOUT_SYMMETRY : SETS_ONLY)
    const all = search(program, semantics, ALL_REDUCTIONS)
    tally.programs++
    tally.deadlocks += Number(full.findings.includes('deadlock'))
    tally.violations += Number(/pair|pages/.test(full.findings))
    tally.statesFull += full.states
    tally.statesReduced += reduced.states
    const sameEnds =
      full.terminals.size === reduced.terminals.size &&
      [...full.terminals].every((end) => reduced.terminals.has(end))
    if (!sameEnds || full.findings !== reduced.findings || full.findings !== all.findings)
      mismatches.push(seed)
  }
  return { ...tally, mismatches }
}

const SEMANTICS: readonly LockSemantics[] = ['any-free-moment', 'queue-fair']

describe.each(SEMANTICS)('%s', (semantics) => {
  test.each(['mixed', 'inversions', 'gates'] as const)(
    `${PROGRAMS_OF_A_KIND} programs: %s`,
    (kind) => {
      const tally = compare(semantics, { kind })
      console.info(semantics, kind, JSON.stringify(tally))
      expect(tally.mismatches).toEqual([])
      expect(tally.programs).toBeGreaterThan(PROGRAMS_OF_A_KIND * 0.7)
      if (kind !== 'gates') expect(tally.violations).toBeGreaterThan(0)
      if (kind === 'inversions') expect(tally.deadlocks / tally.programs).toBeGreaterThan(0.2)
    },
    TIMEOUT_MS,
  )
})

/** Each leaves one conflict out. The fuzz is worth something only if it finds them. */
const PLANTED: readonly [what: string, kind: number][] = [
  ['a release that disturbs no try', KIND.RELEASE_WRITE],
  ['an acquire that disturbs no acquire', KIND.ACQUIRE_WRITE],
  ['a try that nobody disturbs', KIND.TRY_WRITE],
]

describe.each(SEMANTICS)('a planted unsound reduction is found, %s', (semantics) => {
  test.each(PLANTED)(
    '%s',
    (_what, kind) => {
      const table = LOCK_CONFLICTS as Record<number, unknown>
      const right = table[kind]
      try {
        table[kind] = [[], []]
        expect(compare(semantics, { kind: 'inversions' }, true).mismatches).toHaveLength(1)
      } finally {
        table[kind] = right
      }
    },
    TIMEOUT_MS,
  )
})

test.each(SEMANTICS)(
  'tasks that are put off for ever and not made up for are found, %s',
  (semantics) => {
    const take = vi.spyOn(PostponedTasks.prototype, 'take').mockReturnValue([])
    try {
      let mismatches = 0
      for (let seed = 0; seed < PROGRAMS_OF_A_KIND && mismatches === 0; seed++) {
        const program = randomProgram(seed, { kind: 'mixed' })
        const full = search(program, semantics, NO_REDUCTIONS)
        const reduced = search(program, semantics, SETS_ONLY)
        if (full.isDone && full.findings !== reduced.findings) mismatches++
      }
      expect(mismatches).toBe(1)
    } finally {
      take.mockRestore()
    }
  },
  TIMEOUT_MS,
)
