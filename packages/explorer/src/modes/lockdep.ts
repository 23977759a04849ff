/**
 * lockdep: which lock is taken inside which, read off the automata without running anything.
 *
 * A cycle of such orders can deadlock if each lock in it is wanted in a mode that its holder's mode
 * excludes, if no lock held by all of them keeps them apart (a gate), and if there are tasks enough. A
 * try waits for nobody, but what was tried and got is held. Data is not looked at: a cycle that is
 * reported may be one that no run can close.
 */
import type { LockMode } from '@vfiokit/locking'
import type { HeldLock } from '../program/automaton.ts'
import type { Program } from '../program/program.ts'
import { cpuClock } from '../report/cpu-clock.ts'
import type { Verdict } from '../report/verdict.ts'
import type { LockSemantics } from '../search/machine.ts'

/** Somebody who holds one lock waits for another. */
interface Order {
  readonly automaton: number
  readonly holds: HeldLock
  readonly waitsFor: HeldLock
  /** Everything else that is held meanwhile. */
  readonly gates: readonly HeldLock[]
}

/** Longer cycles are not looked for; who asks is told so. */
const CYCLE_MAX = 5

/** Looks for a cycle in the lock order of a program. */
export function lockdep(program: Program, semantics: LockSemantics = 'any-free-moment'): Verdict {
  const cpu = cpuClock()
  const orders = ordersOf(program)
  const cycle = new CycleSearch(program, orders, semantics === 'queue-fair').find()
  const common = {
    mode: 'lockdep' as const,
    lockSemantics: semantics,
    bound: `the order of locks only, in cycles of up to ${CYCLE_MAX}`,
    reductions: [],
    states: program.symbols.locks.length,
    transitions: orders.length,
  }
  if (cycle === undefined) return { verdict: 'ok', ...common, cpuSeconds: cpu() }
  const message = `a cycle of locks: ${cycle.map((order) => describe(order, program)).join('; ')}`
  return { verdict: 'deadlock', property: 'lock-order', message, ...common, cpuSeconds: cpu() }
}

/** Each order once, however many places it is taken at. */
function ordersOf({ automata, tasks }: Program): Order[] {
  const orders = new Map<string, Order>()
  for (const automaton of new Set(tasks.map((task) => task.automaton)))
    for (const { instruction, held } of automata[automaton]!.nodes) {
      if (instruction.kind !== 'acquire') continue
      const waitsFor = { lock: instruction.lock, mode: instruction.mode }
      for (const holds of held) {
        const gates = held.filter((other) => other !== holds)
        const key = JSON.stringify([automaton, holds, waitsFor, gates])
        orders.set(key, { automaton, holds, waitsFor, gates })
      }
    }
  return [...orders.values()]
}

class CycleSearch {
  readonly #taskCounts: ReadonlyMap<number, number>
  /** Locks that somebody waits for in write mode: in a fair lock a reader waits behind them. */
  readonly #writeWaited: ReadonlySet<number>
  readonly #path: Order[] = []

  constructor(
    program: Program,
    readonly orders: readonly Order[],
    readonly fair: boolean,
  ) {
    const counts = new Map<number, number>()
    for (const { automaton } of program.tasks) counts.set(automaton, (counts.get(automaton) ?? 0) + 1)
    this.#taskCounts = counts
    this.#writeWaited = new Set(
      [...counts.keys()].flatMap((automaton) =>
        program.automata[automaton]!.nodes.flatMap(({ instruction }) =>
          instruction.kind === 'acquire' && instruction.mode === 'write' ? [instruction.lock] : [],
        ),
      ),
    )
  }

  find(): readonly Order[] | undefined {
    for (const order of this.orders) {
      this.#path.length = 0
      this.#path.push(order)
      if (this.#close()) return this.#path
    }
    return undefined
  }

  /** Goes on from the last order of the path until somebody waits for what the first one holds. */
  #close(): boolean {
    const first = this.#path[0]!
    const last = this.#path.at(-1)!
    if (this.#blocks(first.holds, last.waitsFor) && this.#areApart()) return true
    if (this.#path.length >= CYCLE_MAX) return false
    for (const next of this.orders) {
      if (!this.#blocks(next.holds, last.waitsFor) || this.#path.includes(next)) continue
      this.#path.push(next)
      if (this.#areApart() && this.#close()) return true
      this.#path.pop()
    }
    return false
  }

  #blocks(held: HeldLock, wanted: HeldLock): boolean {
    if (held.lock !== wanted.lock) return false
    return excludes(held.mode, wanted.mode) || (this.fair && this.#writeWaited.has(held.lock))
  }

  /** Whether all of the path can stand there at once. */
  #areApart(): boolean {
    const used = new Map<number, number>()
    for (const { automaton } of this.#path) used.set(automaton, (used.get(automaton) ?? 0) + 1)
    if ([...used].some(([automaton, count]) => count > this.#taskCounts.get(automaton)!)) return false
    return this.#path.every((one, at) => this.#path.slice(at + 1).every((other) => canMeet(one, other)))
  }
}

const excludes = (one: LockMode, other: LockMode) => one === 'write' || other === 'write'

/** What both hold they must be able to hold together. */
function canMeet(one: Order, other: Order): boolean {
  const theirs = [other.holds, ...other.gates]
  return [one.holds, ...one.gates].every((held) =>
    theirs.every((their) => their.lock !== held.lock || !excludes(their.mode, held.mode)),
  )
}

function describe({ automaton, holds, waitsFor, gates }: Order, program: Program): string {
  const { locks } = program.symbols
  const named = ({ lock, mode }: HeldLock) => `${locks[lock]!.name} (${mode})`
  const held = [holds, ...gates].map(named).join(', ')
  const task = program.tasks.find((each) => each.automaton === automaton)!
  return `${task.name} holds ${held} and waits for ${named(waitsFor)}`
}
