/**
 * Runs an operation by response history into an automaton: a node for each step that it can stand at,
 * an edge for each result that the step can have.
 *
 * A generator cannot be copied, so a branch is reached by running a new one and answering as before.
 * That happens once for each edge, here, and never while states are searched.
 */
import type { LockUse, Op, Operation } from '@vfiokit/locking'
import { CompileError } from './compile-error.ts'
import { HistoryRun } from './history-run.ts'
import { resultsOf } from './results.ts'

/** How a path ends. */
export type Ending = { readonly kind: 'returned' } | { readonly kind: 'threw'; readonly error: unknown }

/** A step that an operation can stand at. */
export interface RawNode {
  /** Absent where the operation has ended. */
  readonly op: Op<unknown> | undefined
  readonly ending: Ending | undefined
  /** Scope names around it, outermost first. */
  readonly path: readonly string[]
  /** Locks held before the step. */
  readonly held: readonly LockUse[]
  /** A rule of locks that was broken on the way here. */
  readonly broken: string | undefined
  /** Results of the step; `next` has the node behind each. */
  readonly results: readonly unknown[]
  readonly next: number[]
  /** For each result, whether `progress()` was said on the way to the next node. */
  readonly progress: boolean[]
}

/** An operation as an automaton. Node 0 is where it begins. */
export interface RawAutomaton {
  readonly name: string
  readonly nodes: readonly RawNode[]
  readonly start: number
  /** How often the generator was run. */
  readonly runs: number
  /** How often a label led to a point that was there already. */
  readonly merges: number
}

/** Bounds of compiling. */
export interface CompileOptions {
  /** An operation with more is taken for one that does not end. 20,000 by default. */
  readonly nodesMax?: number
}

const NODES_MAX = 20_000
/** So is one with a longer way to some step: going it again for each branch would take minutes. */
const DEPTH_MAX = 2000

/**
 * Makes an automaton of an operation.
 *
 * @param name - For error messages.
 * @param make - Begins the operation anew. Called once for each branch; must always do the same.
 * @throws CompileError naming the rule that the operation breaks.
 */
export function compileOperation(
  name: string,
  make: () => Operation<unknown>,
  options: CompileOptions = {},
): RawAutomaton {
  return new Compiler(name, make, options.nodesMax ?? NODES_MAX).compile()
}

/** Where a node was first reached from. */
interface Origin {
  readonly parent: number
  readonly result: number
}

interface Branch extends Origin {}

interface Merge {
  readonly key: string
  readonly from: Origin
  readonly node: number
}

/** A way on from a label, up to a node. */
interface Future {
  readonly at: number
  readonly answers: readonly unknown[]
}

class Compiler {
  readonly #nodes: RawNode[] = []
  readonly #origins: Origin[] = []
  /** Steps from the beginning to each node, on the way by which it was found. */
  readonly #depths: number[] = []
  readonly #labels = new Map<string, number>()
  readonly #work: Branch[] = []
  readonly #merges: Merge[] = []
  #runs = 0

  constructor(
    readonly name: string,
    readonly make: () => Operation<unknown>,
    readonly nodesMax: number,
  ) {}

  compile(): RawAutomaton {
    const start = this.#follow(this.#begin(), { parent: -1, result: 0 })
    for (let branch = this.#work.pop(); branch !== undefined; branch = this.#work.pop()) {
      const run = this.#runTo(branch)
      this.#nodes[branch.parent]!.next[branch.result] = this.#follow(run, branch)
    }
    for (const merge of this.#merges) this.#compareFutures(merge)
    return { name: this.name, nodes: this.#nodes, start, runs: this.#runs, merges: this.#merges.length }
  }

  #begin(): HistoryRun {
    this.#runs++
    return new HistoryRun(this.make)
  }

  /** Goes on until the path ends or meets a point that is known; other branches become work. */
  #follow(run: HistoryRun, origin: Origin): number {
    const first = this.#arrive(run, origin)
    let at = first
    while (at.isNew && this.#nodes[at.node]!.results.length > 0) {
      const { results, next } = this.#nodes[at.node]!
      for (let result = results.length - 1; result > 0; result--) this.#work.push({ parent: at.node, result })
      run.answer(results[0])
      const from = at.node
      at = this.#arrive(run, { parent: from, result: 0 })
      next[0] = at.node
    }
    return first.node
  }

  /** The node at which a run stands, made if it is new. */
  #arrive(run: HistoryRun, origin: Origin): { node: number; isNew: boolean } {
    const passed: string[] = []
    while (run.stop.kind === 'label' || run.stop.kind === 'progress') {
      if (run.stop.kind === 'progress') this.#noteProgress(origin)
      else {
        const { key } = run.stop
        const known = this.#labels.get(key)
        if (known !== undefined) {
          this.#merges.push({ key, from: origin, node: known })
          for (const each of passed) this.#labels.set(each, known)
          return { node: known, isNew: false }
        }
        if (passed.includes(key))
          throw new CompileError('unbounded', this.name, `${key} is passed again without a step between`)
        passed.push(key)
      }
      run.pass()
    }
    const node = this.#add(run, origin)
    for (const key of passed) this.#labels.set(key, node)
    return { node, isNew: true }
  }

  #noteProgress({ parent, result }: Origin): void {
    if (parent >= 0) this.#nodes[parent]!.progress[result] = true
  }

  #add(run: HistoryRun, origin: Origin): number {
    const { stop } = run
    const op = stop.kind === 'op' ? stop.op : undefined
    const results = op === undefined ? [] : resultsOf(op, this.name)
    const node = this.#nodes.length
    if (node >= this.nodesMax) throw this.#unbounded(this.nodesMax, node - 1)
    const depth = origin.parent < 0 ? 0 : this.#depths[origin.parent]! + 1
    if (depth > DEPTH_MAX) throw this.#unbounded(DEPTH_MAX, origin.parent)
    this.#nodes.push({
      op,
      ending: stop.kind === 'returned' || stop.kind === 'threw' ? stop : undefined,
      path: [...run.path],
      held: [...run.held],
      broken: run.broken,
      results,
      next: [],
      progress: results.map(() => false),
    })
    this.#origins.push(origin)
    this.#depths.push(depth)
    return node
  }

  /** Repeats the history of a branch with a new generator, and takes the branch. */
  #runTo(branch: Branch): HistoryRun {
    const run = this.#begin()
    for (const { parent, result } of this.#history(branch)) {
      skipMarks(run)
      const { op, results } = this.#nodes[parent]!
      if (run.stop.kind !== 'op' || !isSameOp(run.stop.op, op!))
        throw new CompileError(
          'not-deterministic',
          this.name,
          `with the same answers it once did "${describe(op)}" and once ${describeStop(run)}`,
        )
      run.answer(results[result])
    }
    return run
  }

  #history(branch: Branch): Branch[] {
    const history: Branch[] = []
    for (let at: Branch = branch; at.parent >= 0; at = this.#origins[at.parent]!) history.push(at)
    return history.reverse()
  }

  /** Both visits of a label must go on alike; what differs is a local that the label does not name. */
  #compareFutures(merge: Merge): void {
    const pending: Future[] = [{ at: merge.node, answers: [] }]
    for (let budget = FUTURES_MAX; budget > 0; budget--) {
      const future = pending.shift()
      if (future === undefined) return
      pending.push(...this.#compareFuture(merge, future))
    }
  }

  /** Follows one future as far as is compared. @returns those that branch off. */
  #compareFuture({ key, from, node }: Merge, { at: first, answers }: Future): Future[] {
    const branches: Future[] = []
    const run = this.#runTo(from)
    for (const answer of answers) {
      skipMarks(run)
      run.answer(answer)
    }
    const told = [...answers]
    for (let at = first; ; ) {
      skipMarks(run)
      const expected = this.#nodes[at]!
      if (!standsAt(run, expected)) throw this.#leak(key, from, node, expected, run)
      const [answer, ...others] = expected.results
      if (expected.results.length === 0 || told.length >= FUTURE_DEPTH) return branches
      for (const [result, other] of others.entries())
        branches.push({ at: expected.next[result + 1]!, answers: [...told, other] })
      run.answer(answer)
      told.push(answer)
      at = expected.next[0]!
    }
  }

  #leak(key: string, from: Origin, node: number, expected: RawNode, run: HistoryRun): CompileError {
    const [one, other] = [this.#history(from), this.#history(this.#origins[node]!)]
    const at = one.findIndex((step, index) => {
      const same = other[index]
      return same === undefined || same.parent !== step.parent || same.result !== step.result
    })
    const since = one.slice(at < 0 ? one.length : at)
    const answers = since
      .filter(({ parent }) => this.#nodes[parent]!.results.length > 1)
      .map((step) => this.#opName(step))
    const local =
      answers.length === 0 ? 'how often it was passed' : `what is remembered of ${answers.join(', ')}`
    const differs = `goes on with "${describe(expected.op)}" and with ${describeStop(run)}`
    return new CompileError('leaking-local', this.name, `label ${key} ${differs}: it must name ${local}`)
  }

  #opName({ parent }: Branch): string {
    return describe(this.#nodes[parent]?.op)
  }

  #unbounded(steps: number, node: number): CompileError {
    const last = this.#history(this.#origins[node]!)
      .slice(-4)
      .map((branch) => this.#opName(branch))
    const message = `more than ${steps} steps; a loop without a label? It ends with ${last.join(', ')}`
    return new CompileError('unbounded', this.name, message)
  }
}

/** How far, and over how many histories, two visits of a label are compared. */
const FUTURE_DEPTH = 6
const FUTURES_MAX = 24

function skipMarks(run: HistoryRun): void {
  while (run.stop.kind === 'label' || run.stop.kind === 'progress') run.pass()
}

/** Whether a run stands where a node does: at the same step, or at an end of the same kind. */
export function standsAt({ stop }: HistoryRun, { op, ending }: RawNode): boolean {
  if (op === undefined) return stop.kind === ending!.kind
  return stop.kind === 'op' && isSameOp(stop.op, op)
}

/** Ops are often made anew; what they are is their kind, what they work on, and what they may answer. */
function isSameOp(one: Op<unknown>, other: Op<unknown>): boolean {
  return one === other || (one.kind === other.kind && one.object === other.object)
}

function describe(op: Op<unknown> | undefined): string {
  return op === undefined ? 'its end' : `${op.kind} ${op.object}`
}

/** Where a run stands, in words. */
export function describeStop({ stop }: HistoryRun): string {
  if (stop.kind === 'op') return `"${describe(stop.op)}"`
  return stop.kind === 'threw' ? `a throw of ${String(stop.error)}` : `"${stop.kind}"`
}
