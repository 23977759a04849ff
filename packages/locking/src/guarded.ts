/**
 * The read side: take some locks, ask whether memory may be touched, touch it, give the locks back.
 *
 * Fault, trapped access and ioeventfd are all this one shape. Written as an Operation for the
 * explorer and the scheduler; the live driver has a form without a generator (driver/live.ts).
 */
import { acquire, type LockUse, release } from './lock.ts'
import { type Body, type Operation, run } from './op.ts'

/** What is done under a read side: first a test, then the deed. */
export interface GuardedBody<T> {
  /** May it be done? Asked with the locks held. */
  readonly admit: Body<boolean>
  /** Done with the same locks held, only when admitted. */
  readonly act: Body<T>
}

/** The answer of a read side whose test said no; the same in every copy of this package. */
export const DENIED: unique symbol = Symbol.for('@vfiokit/locking/Denied')
/** Type of {@link DENIED}. */
export type Denied = typeof DENIED

/** Runs a guarded body under `uses`, taken outermost first and released in reverse. */
export function* guarded<T>(uses: readonly LockUse[], body: GuardedBody<T>): Operation<T | Denied> {
  let taken = 0
  try {
    for (; taken < uses.length; taken++) yield* acquire(uses[taken]!.lock, uses[taken]!.mode)
    if (!(yield* run(body.admit))) return DENIED
    return yield* run(body.act)
  } finally {
    while (taken-- > 0) yield* release(uses[taken]!.lock, uses[taken]!.mode)
  }
}
