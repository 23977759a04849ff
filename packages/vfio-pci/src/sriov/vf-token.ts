/**
 * The secret that a physical function shares with the users of its virtual ones. Kernel: `vfio_pci_vf_token`.
 *
 *   virtual function    its physical one is under vfio: the token must be shown
 *   physical function   while virtual ones are open the token must be shown; else what is shown becomes it
 */
import type { VfioErrno } from '@vfiokit/locking'

/** The token of one physical function. */
export class VfToken {
  /** Undefined until it is set: the kernel draws one at random, which nobody can show. */
  #uuid: string | undefined
  /** Virtual functions that are open. */
  #users = 0

  get users(): number {
    return this.#users
  }

  /** A virtual function was opened first or closed last. */
  countUser(change: 1 | -1): void {
    this.#users += change
  }

  /** @param uuid - As text; upper and lower case are the same. */
  set(uuid: string): void {
    this.#uuid = uuid.toLowerCase()
  }

  /** Whether somebody may open a virtual function. */
  admitVirtual(shown: string | undefined): VfioErrno | undefined {
    return shown !== undefined && shown.toLowerCase() === this.#uuid ? undefined : 'EACCES'
  }

  /** Whether somebody may open the physical function. */
  admitPhysical(shown: string | undefined): VfioErrno | undefined {
    if (this.#users > 0) return this.admitVirtual(shown)
    if (shown !== undefined) this.set(shown)
    return undefined
  }
}

/** Of which token a function is the physical or a virtual side. */
export interface TokenSides {
  /** Its own, of a physical function. */
  readonly own: VfToken | undefined
  /** That of its physical function, if vfio drives that; undefined also for what is no virtual function. */
  readonly physical: VfToken | undefined
}

/** Kernel: `vfio_pci_validate_vf_token`. */
export function admitByToken(
  { own, physical }: TokenSides,
  shown: string | undefined,
): VfioErrno | undefined {
  if (physical !== undefined) return physical.admitVirtual(shown)
  if (own !== undefined) return own.admitPhysical(shown)
  return shown === undefined ? undefined : 'EINVAL'
}
