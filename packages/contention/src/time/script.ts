/** What a client does, one thing after the other, as the simulation sees it. */
import type { Operation, OpResult } from '@vfiokit/locking'
import type { ZapCause } from '../machine/zap-ledger.ts'

/** One thing that a client does next. */
export type Action =
  | { readonly do: 'pause'; readonly ns: number }
  /** Its result is what the script is resumed with. */
  | {
      readonly do: 'operation'
      readonly operation: Operation<unknown>
      /** Why it may take pages away. */
      readonly cause: ZapCause
    }

/** Resumed at the moment at which the action has ended, and never after the end of the simulation. */
export type Script = Generator<Action, void, OpResult>
