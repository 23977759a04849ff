/** A rule of locking that an operation broke: a bug in a strategy or a body, never bad input. */

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

  constructor(
    readonly rule: ProtocolRule,
    message: string,
  ) {
    super(message)
  }
}
