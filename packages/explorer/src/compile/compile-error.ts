/** Why an operation has no automaton: a rule of writing operations that it breaks. */

/** Which rule. */
export type CompileRule =
  | 'not-deterministic'
  | 'endless-results'
  | 'unbounded'
  | 'leaking-local'
  | 'unknown-object'

/** Names the operation and what it did; nothing can be explored before it is repaired. */
export class CompileError extends Error {
  override readonly name = 'CompileError'

  constructor(
    readonly rule: CompileRule,
    readonly operation: string,
    message: string,
  ) {
    super(`${operation}: ${message}`)
  }
}
