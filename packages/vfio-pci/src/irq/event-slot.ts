/** ERR and REQ: one eventfd each, that no device register knows of. Kernel: `vfio_pci_set_ctx_trigger_single`. */
import { type Eventfd, type KernelProfile, VfioError } from '@vfiokit/vfio-core'
import { type InterruptRequest, triggerOf } from './interrupt-request.ts'

/** The place of one eventfd. */
export class EventSlot {
  #trigger: Eventfd | undefined

  constructor(readonly profile: Pick<KernelProfile, 'refusesNegativeErrFd'>) {}

  /** Says to the user what the slot is for. */
  signal(): void {
    this.#trigger?.signal()
  }

  clear(): void {
    this.#trigger = undefined
  }

  /** TRIGGER. @throws VfioError EINVAL for another place than 0, or with nothing there to signal or clear. */
  trigger({ process, start, count, data }: InterruptRequest): void {
    if (start !== 0 || count > 1) throw new VfioError('EINVAL', 'bad-count', 'there is one such interrupt')
    if (data.kind === 'none') {
      if (this.#trigger === undefined)
        throw new VfioError('EINVAL', 'irq-not-active', 'no eventfd is set to signal or clear')
      if (count === 0) this.clear()
      else this.signal()
      return
    }
    if (count === 0) throw new VfioError('EINVAL', 'bad-count', 'nothing to do')
    if (data.kind === 'eventfd') this.#install(process, data.fds[0]!)
    else if (data.values[0]!) this.signal()
  }

  #install(process: InterruptRequest['process'], fd: number): void {
    if (fd >= -1) this.#trigger = triggerOf(process, fd)
    else if (this.profile.refusesNegativeErrFd)
      throw new VfioError('EINVAL', 'bad-fd', `fd ${fd} is neither one nor none`)
  }
}
