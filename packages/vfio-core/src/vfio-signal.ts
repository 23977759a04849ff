/** A signal that an access through a mapping ends with. */

/** Which signal, and its `si_code`: BUS_ADRERR 2, SEGV_MAPERR 1, SEGV_ACCERR 2. */
export type SignalName = 'SIGBUS' | 'SIGSEGV'

/** Thrown by a load or store that a real process would not survive. */
export class VfioSignal extends Error {
  override readonly name = 'VfioSignal'
  /** Also true of errors of another copy of this package. */
  readonly kind = '@vfiokit/VfioSignal'

  constructor(
    readonly signal: SignalName,
    readonly code: number,
    detail: string,
  ) {
    super(`${signal}: ${detail}`)
  }

  /** Whether something thrown is a signal, and that one. */
  static is(error: unknown, signal?: SignalName): error is VfioSignal {
    if (!(error instanceof Error) || !('kind' in error) || error.kind !== '@vfiokit/VfioSignal') return false
    return signal === undefined || (error as VfioSignal).signal === signal
  }
}
