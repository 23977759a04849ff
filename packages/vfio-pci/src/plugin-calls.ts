/**
 * Calls of a plugin's members, so that what it does wrong stays inside: one entry in the log, and EIO for
 * the caller. A VfioError that it throws, or an errno that it answers, is no failure but the answer.
 */
import { ERRNO_NUMBERS, type VfioErrno } from '@vfiokit/locking'
import { VfioError } from '@vfiokit/vfio-core'
import type { PluginFailureLog } from './plugin-failure.ts'
import { synchronous } from './region/synchronous.ts'

/** The members of one plugin for one device. */
export class PluginCalls {
  constructor(
    readonly plugin: string,
    readonly device: string,
    readonly log: PluginFailureLog,
  ) {}

  /** Whether it is for a function: one that fails at it is not. */
  matches(ask: () => boolean): boolean {
    let answer = false
    this.tolerated('matches', () => {
      answer = synchronous(ask())
    })
    return answer
  }

  /** What a member answers. @throws VfioError: what it threw, or EIO for a failure. */
  answer<T>(member: string, ask: () => T): T {
    try {
      return ask()
    } catch (cause) {
      return this.fail(member, cause)
    }
  }

  /** The errno that a member answers or throws; EIO for a failure. */
  errno(member: string, ask: () => unknown): VfioErrno | undefined {
    try {
      return errnoIn(synchronous(ask()))
    } catch (cause) {
      this.tell(member, cause)
      return VfioError.is(cause) ? cause.errno : 'EIO'
    }
  }

  /** A member whose failure is nobody's answer. */
  tolerated(member: string, ask: () => unknown): void {
    try {
      synchronous(ask())
    } catch (cause) {
      this.tell(member, cause)
    }
  }

  /** @throws VfioError: the cause itself if it is one, or else EIO, and the cause is told. */
  fail(member: string, cause: unknown): never {
    this.tell(member, cause)
    if (VfioError.is(cause)) throw cause
    throw new VfioError('EIO', 'plugin-failed', `${this.plugin} ${member} of ${this.device}`)
  }

  tell(member: string, cause: unknown): void {
    if (VfioError.is(cause)) return
    this.log({ plugin: this.plugin, device: this.device, member, cause })
  }
}

/** @throws TypeError for what is neither nothing nor the name of an errno. */
export function errnoIn(answer: unknown): VfioErrno | undefined {
  if (answer === undefined) return undefined
  if (typeof answer === 'string' && Object.hasOwn(ERRNO_NUMBERS, answer)) return answer as VfioErrno
  throw new TypeError(`it answered ${String(answer)}, which is neither nothing nor an errno`)
}
