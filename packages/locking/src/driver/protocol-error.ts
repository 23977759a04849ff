/** A rule of locking that an operation broke: a bug in a strategy or a body, never bad input. */

import { isOfKind } from '../of-kind.ts'

/** Which rule. */
export type ProtocolRule =
  | 'released-not-held'
  | 'lock-left'
  | 'user-copy-under-lock'
  | 'would-block'
  | 'async'

/** Thrown into the operation that broke the rule. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
  /** Also of errors of another copy of this package. */
  readonly kind = '@vfiokit/ProtocolError'

  constructor(
    readonly rule: ProtocolRule,
    message: string,
  ) {
    super(message)
  }

  /** Whether something thrown says that a rule of locking was broken. */
  static is(error: unknown): error is ProtocolError {
    return isOfKind(error, '@vfiokit/ProtocolError')
  }
}
