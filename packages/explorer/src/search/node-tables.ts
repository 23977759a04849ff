/** A program as flat arrays: what the inner loops of a search read. */
import type { AutomatonNode, Check, Guard } from '../program/automaton.ts'
import type { Program } from '../program/program.ts'

/** What a node does, as a small number. */
export const KIND = {
  END: 0,
  ACQUIRE_WRITE: 1,
  ACQUIRE_READ: 2,
  TRY_WRITE: 3,
  TRY_READ: 4,
  RELEASE_WRITE: 5,
  RELEASE_READ: 6,
  READ: 7,
  READ_MANY: 8,
  WRITE: 9,
  FIRST: 10,
  CHOICE: 11,
} as const

const LOCK_KINDS = {
  acquire: { write: KIND.ACQUIRE_WRITE, read: KIND.ACQUIRE_READ },
  'try-acquire': { write: KIND.TRY_WRITE, read: KIND.TRY_READ },
  release: { write: KIND.RELEASE_WRITE, read: KIND.RELEASE_READ },
} as const

/** Nodes of all automata, one after the other. */
export class NodeTables {
  /** Of all nodes. */
  readonly nodes: readonly AutomatonNode[]
  /** Number of the first node of each automaton. */
  readonly base: readonly number[]
  readonly kind: Uint8Array
  /** Lock of a lock op, variable of a READ, number of outcomes of a CHOICE. */
  readonly object: Int32Array
  /** `next[firstNext[node] + result]` */
  readonly next: Int32Array
  readonly firstNext: Int32Array
  /** Number of the set of locks held, in `heldSets`. */
  readonly held: Int32Array
  readonly heldSets: readonly AutomatonNode['held'][]
  /** READ: result by value, at `firstEntry`. READ_MANY: by mixed radix. */
  readonly entries: Int32Array
  readonly firstEntry: Int32Array
  /** READ_MANY: pairs of variable and stride; WRITE: triples of variable, value and guard; FIRST: variables. */
  readonly operands: Int32Array
  readonly firstOperand: Int32Array
  readonly operandCount: Int32Array
  /** Whether a node has checks. */
  readonly checked: Uint8Array
  readonly checks: readonly (readonly Check[])[]

  constructor(program: Program) {
    const base: number[] = []
    const nodes: AutomatonNode[] = []
    for (const automaton of program.automata) {
      base.push(nodes.length)
      nodes.push(...automaton.nodes)
    }
    this.nodes = nodes
    this.base = base
    const count = nodes.length
    const flat = { next: [] as number[], entries: [] as number[], operands: [] as number[] }
    this.kind = new Uint8Array(count)
    this.object = new Int32Array(count)
    this.firstNext = new Int32Array(count)
    this.firstEntry = new Int32Array(count)
    this.firstOperand = new Int32Array(count)
    this.operandCount = new Int32Array(count)
    this.checked = Uint8Array.from(nodes, ({ checks }) => Number(checks.length > 0))
    this.checks = nodes.map(({ checks }) => checks)
    let at = 0
    for (const [index, automaton] of program.automata.entries())
      for (const node of automaton.nodes) {
        this.firstNext[at] = flat.next.length
        for (const next of node.next) flat.next.push(base[index]! + next)
        this.firstEntry[at] = flat.entries.length
        this.firstOperand[at] = flat.operands.length
        this.#fill(at++, node, program, flat)
      }
    this.next = Int32Array.from(flat.next)
    this.entries = Int32Array.from(flat.entries)
    this.operands = Int32Array.from(flat.operands)
    const sets = new Map<string, number>()
    const heldSets: AutomatonNode['held'][] = []
    this.held = Int32Array.from(nodes, ({ held }) => {
      const key = held.map(({ lock, mode }) => `${lock} ${mode}`).sort()
      const known = sets.get(key.join())
      if (known !== undefined) return known
      sets.set(key.join(), heldSets.length)
      return heldSets.push(held) - 1
    })
    this.heldSets = heldSets
  }

  #fill(
    at: number,
    { instruction }: AutomatonNode,
    { symbols }: Program,
    { entries, operands }: { entries: number[]; operands: number[] },
  ): void {
    switch (instruction.kind) {
      case 'end':
        this.kind[at] = KIND.END
        return
      case 'read': {
        const { variables } = instruction.table
        entries.push(...instruction.table.entries)
        this.kind[at] = variables.length === 1 ? KIND.READ : KIND.READ_MANY
        this.object[at] = variables[0]!
        let stride = instruction.table.entries.length
        for (const variable of variables) {
          stride /= symbols.variables[variable]!.size
          operands.push(variable, stride)
        }
        this.operandCount[at] = variables.length
        return
      }
      case 'write':
        for (const { variable, value, guard } of instruction.writes)
          operands.push(variable, value, guardCode(guard))
        this.kind[at] = KIND.WRITE
        this.operandCount[at] = instruction.writes.length
        return
      case 'first':
        operands.push(...instruction.variables)
        this.kind[at] = KIND.FIRST
        this.operandCount[at] = instruction.variables.length
        return
      case 'choice':
        this.kind[at] = KIND.CHOICE
        this.object[at] = instruction.outcomes
        return
      default:
        this.kind[at] = LOCK_KINDS[instruction.kind][instruction.mode]
        this.object[at] = instruction.lock
    }
  }
}

/** Twice the variable, and 1 more if it must be set; -1 for no condition. */
function guardCode(guard: Guard | undefined): number {
  return guard === undefined ? -1 : 2 * guard.variable + Number(guard.isSet)
}
