/**
 * Lost updates: a task reads a cell and writes it later, and another writes in between; what that one
 * wrote is gone.
 *
 * Between such a read and its write a flag of the cell is set. Who finds it set, on beginning to read or
 * on writing without having read, is in between. The flag is a variable like any other, so reductions
 * know who looks at it. Looked at are updates whose write follows in the same step of a scenario; code
 * that joins an update with another path is passed over.
 */
import { Cell, isOp } from '@vfiokit/locking'
import type { RawAutomaton } from '../compile/compile.ts'
import type { Automaton, AutomatonNode, Check, Write } from './automaton.ts'
import type { Symbols } from './symbols.ts'

/** What the check is called in verdicts. */
const LOST_UPDATE = 'lost-update'

/** An operation before and after lowering. Nodes have the same numbers in both. */
export interface Lowered {
  readonly raw: RawAutomaton
  readonly automaton: Automaton
}

/**
 * Adds flags and checks where tasks can come between each other: a cell that one task updates and another
 * writes.
 *
 * @param running - For each task, the number of its operation.
 */
export function watchUpdates(
  all: readonly Lowered[],
  running: readonly number[],
  symbols: Symbols,
): Automaton[] {
  const updates = all.map(({ raw }) => updatesOf(raw))
  const watchedCells = cellsToWatch(all, updates, running)
  return all.map(({ raw, automaton }, at) => {
    const watched = new WatchedNodes(automaton.nodes, symbols)
    const own = updates[at]!.filter(({ cell }) => watchedCells.has(cell))
    for (const update of own) watched.addUpdate(update)
    const covered = new Set(own.flatMap(({ writes }) => [...writes]))
    for (const [node, { op }] of raw.nodes.entries())
      if (op !== undefined && isOp(op, 'set') && !covered.has(node) && watchedCells.has(op.cell))
        watched.addWrite(node, op.cell)
    return { ...automaton, nodes: watched.nodes }
  })
}

/** The cells that some task updates and that more than one task writes. */
function cellsToWatch(
  all: readonly Lowered[],
  updates: readonly (readonly Update[])[],
  running: readonly number[],
): Set<unknown> {
  const written = all.map(({ raw }) => {
    return new Set<unknown>(
      raw.nodes.flatMap(({ op }) => (op !== undefined && isOp(op, 'set') ? [op.cell] : [])),
    )
  })
  const updated = new Set(running.flatMap((at) => updates[at]!.map(({ cell }) => cell)))
  return new Set([...updated].filter((cell) => running.filter((at) => written[at]!.has(cell)).length > 1))
}

/** The reads of a cell that are followed by a write of it, what lies between, and these writes. */
interface Update {
  readonly cell: Cell<unknown>
  readonly reads: ReadonlySet<number>
  readonly between: ReadonlySet<number>
  readonly writes: ReadonlySet<number>
}

function updatesOf(raw: RawAutomaton): Update[] {
  const reads = new Map<Cell<unknown>, number[]>()
  for (const [node, { op }] of raw.nodes.entries())
    if (op !== undefined && isOp(op, 'get') && Cell.is(op.cell))
      reads.set(op.cell, [...(reads.get(op.cell) ?? []), node])
  return [...reads].flatMap(([cell, nodes]) => updateOf(raw, cell, nodes) ?? [])
}

function updateOf(raw: RawAutomaton, cell: Cell<unknown>, reads: readonly number[]): Update | undefined {
  const writes = new Set<number>()
  const between = new Set<number>()
  const updating = reads.filter((read) => {
    const found = behind(raw, cell, read)
    for (const node of found.writes) writes.add(node)
    for (const node of found.between) between.add(node)
    return found.writes.size > 0
  })
  if (updating.length === 0) return undefined
  const update = { cell, reads: new Set(updating), between, writes }
  return isEnteredElsewhere(raw, update) ? undefined : update
}

/** The writes that a read leads to within its step of the scenario, and the nodes that lead there. */
function behind(raw: RawAutomaton, cell: Cell<unknown>, read: number): Pick<Update, 'between' | 'writes'> {
  const [step] = raw.nodes[read]!.path
  const writes = new Set<number>()
  const seen = new Set<number>()
  const pending = [...raw.nodes[read]!.next]
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    const { op, path, next } = raw.nodes[node]!
    if (path[0] !== step || seen.has(node)) continue
    if (op !== undefined && isOp(op, 'set') && op.cell === cell) writes.add(node)
    // Another read begins another update.
    else if (!(op !== undefined && isOp(op, 'get') && op.cell === cell)) {
      seen.add(node)
      pending.push(...next)
    }
  }
  return { writes, between: leadingTo(raw, seen, writes) }
}

/** Of some nodes, those with a way to a target over themselves. */
function leadingTo(raw: RawAutomaton, nodes: ReadonlySet<number>, targets: ReadonlySet<number>): Set<number> {
  const leading = new Set<number>()
  for (let before = -1; before !== leading.size; ) {
    before = leading.size
    for (const node of nodes)
      if (raw.nodes[node]!.next.some((next) => targets.has(next) || leading.has(next))) leading.add(node)
  }
  return leading
}

function isEnteredElsewhere(raw: RawAutomaton, { reads, between, writes }: Update): boolean {
  return raw.nodes.some(
    ({ next }, node) =>
      !reads.has(node) && !between.has(node) && next.some((to) => between.has(to) || writes.has(to)),
  )
}

/** The nodes of an automaton, with some added. Added ones stand behind, so numbers stay. */
class WatchedNodes {
  readonly nodes: AutomatonNode[]

  constructor(
    nodes: readonly AutomatonNode[],
    readonly symbols: Symbols,
  ) {
    this.nodes = [...nodes]
  }

  addUpdate({ cell, reads, between, writes }: Update): void {
    const isInside = (node: number) => between.has(node) || writes.has(node)
    for (const node of [...reads, ...between]) this.#clearOnLeaving(node, cell, isInside)
    for (const node of writes) {
      const { instruction } = this.nodes[node]!
      if (instruction.kind !== 'write') continue
      this.#change(node, {
        instruction: { ...instruction, writes: [...instruction.writes, this.#flag(cell, 0)] },
      })
    }
    for (const read of reads) this.#putBefore(read, cell)
  }

  /** A write that does not belong to an update must not come between one. */
  addWrite(node: number, cell: Cell<unknown>): void {
    const message = `${cell.name} is written while another task, which has read it, has yet to write it`
    this.#change(node, { checks: [...this.nodes[node]!.checks, this.#isSet(cell, message)] })
  }

  #clearOnLeaving(from: number, cell: Cell<unknown>, isInside: (node: number) => boolean): void {
    const next = this.nodes[from]!.next.map((to) =>
      isInside(to) ? to : this.#add(cell, 'ends without a write', 0, this.nodes[to]!.held, to),
    )
    this.#change(from, { next })
  }

  /** The read moves behind; its number is now that of a step that looks at the flag, before one sets it. */
  #putBefore(read: number, cell: Cell<unknown>): void {
    const { held } = this.nodes[read]!
    const moved = this.nodes.push(this.nodes[read]!) - 1
    const message = `${cell.name} is read to be written by two tasks before either has written it`
    const looks = this.#node(cell, 'begins', 1, held, this.#add(cell, 'is under way', 1, held, moved))
    const instruction = { kind: 'choice', outcomes: 1 } as const
    this.nodes[read] = { ...looks, instruction, checks: [this.#isSet(cell, message)] }
  }

  #add(cell: Cell<unknown>, what: string, value: number, held: AutomatonNode['held'], next: number): number {
    return this.nodes.push(this.#node(cell, what, value, held, next)) - 1
  }

  #node(
    cell: Cell<unknown>,
    what: string,
    value: number,
    held: AutomatonNode['held'],
    next: number,
  ): AutomatonNode {
    return {
      instruction: { kind: 'write', writes: [this.#flag(cell, value)] },
      checks: [],
      held,
      next: [next],
      progress: [false],
      op: 'update',
      object: `${cell.name} ${what}`,
      results: [''],
    }
  }

  #flag(cell: Cell<unknown>, value: number): Write {
    return { variable: this.#variable(cell), value, guard: undefined }
  }

  #isSet(cell: Cell<unknown>, message: string): Check {
    const table = { variables: [this.#variable(cell)], entries: [0, 1] }
    return { property: LOST_UPDATE, message, table, anyOf: [] }
  }

  #variable(cell: Cell<unknown>): number {
    return this.symbols.variable(cell, 'update', () => ({
      name: `an update of ${cell.name} is under way`,
      size: 2,
      initial: 0,
      show: () => {},
    }))
  }

  #change(node: number, change: Partial<AutomatonNode>): void {
    this.nodes[node] = { ...this.nodes[node]!, ...change }
  }
}
