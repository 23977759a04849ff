/** Automata over numbered locks and variables: what programs are made of. */
import type { LockMode } from '@vfiokit/locking'

/** A condition on a variable with two values. */
export interface Guard {
  readonly variable: number
  readonly isSet: boolean
}

/** Gives a variable a value. */
export interface Write {
  readonly variable: number
  readonly value: number
  /** Only while this holds: a zap finds linked mappings only, a page that is there stays. */
  readonly guard: Guard | undefined
}

/** A table over variables, by mixed radix; the first variable is the most significant digit. */
export interface VariableTable {
  readonly variables: readonly number[]
  readonly entries: readonly number[]
}

/** One step of a task. */
export type Instruction =
  | { readonly kind: 'end' }
  | {
      readonly kind: 'acquire' | 'try-acquire' | 'release'
      readonly lock: number
      readonly mode: LockMode
    }
  /** The entry is the number of the result. */
  | { readonly kind: 'read'; readonly table: VariableTable }
  | { readonly kind: 'write'; readonly writes: readonly Write[] }
  /** Any variable that is 1, by place; else the last result. */
  | { readonly kind: 'first'; readonly variables: readonly number[] }
  | { readonly kind: 'choice'; readonly outcomes: number }

/**
 * What must not be so right after a step: `table` says 1, and one of `anyOf` is not 0. An empty `anyOf`
 * asks for nothing more.
 */
export interface Check {
  readonly property: string
  readonly message: string
  readonly table: VariableTable
  readonly anyOf: readonly number[]
  /** Asked besides, of the state shown to the objects themselves. */
  readonly alsoAsk?: (() => boolean) | undefined
}

/** A lock that a task holds, by number. */
export interface HeldLock {
  readonly lock: number
  readonly mode: LockMode
}

/** A place of a task. */
export interface AutomatonNode {
  readonly instruction: Instruction
  readonly checks: readonly Check[]
  readonly held: readonly HeldLock[]
  /** By result. */
  readonly next: readonly number[]
  readonly progress: readonly boolean[]
  /** What a table of steps says: the kind of op, and what it works on. */
  readonly op: string
  readonly object: string
  /** Each result in words. */
  readonly results: readonly string[]
}

/** What a task does. It begins at node 0. */
export interface Automaton {
  readonly name: string
  readonly nodes: readonly AutomatonNode[]
}

/** The table that says the same of every state. */
export const always = (entry: number): VariableTable => ({ variables: [], entries: [entry] })
/** The end of a task. */
export const END: Instruction = { kind: 'end' }
