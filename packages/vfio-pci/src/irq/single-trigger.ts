/**
 * An interrupt without hardware behind it: errors (ERR), and the request to let the device go (REQ).
 *
 * Kernel: `vfio_pci_set_ctx_trigger_single`.
 */
import { type Eventfd, eventfdOf, type KernelProfile, VfioError } from '@vfiokit/vfio-core'
import type { IrqRequest } from './irq-request.ts'

/** One of the two. */
export class SingleTrigger {
  #trigger: Eventfd | undefined

  /** Tells whoever wants to know. @returns whether somebody does. */
  signal(): boolean {
    this.#trigger?.signal()
    return this.#trigger !== undefined
  }

  /** @throws VfioError EINVAL for what it cannot be told; EBADF for a descriptor that is not open. */
  set(request: IrqRequest, profile: KernelProfile): void {
    const { start, count, data, process } = request
    if (start !== 0 || count > 1)
      throw new VfioError('EINVAL', 'bad-count', `vectors ${start} + ${count} of 1`)
    if (data.kind === 'none') {
      if (this.#trigger === undefined)
        throw new VfioError('EINVAL', 'no-interrupt', 'nobody wants to be told')
      if (count === 1) this.signal()
      else this.#trigger = undefined
      return
    }
    if (count === 0) throw new VfioError('EINVAL', 'bad-count', 'no vector')
    if (data.kind === 'bool') {
      if (data.values[0]) this.signal()
      return
    }
    const fd = data.fds[0]!
    if (fd >= 0) this.#trigger = eventfdOf(process, fd)
    else if (fd === -1) this.#trigger = undefined
    else if (profile.singleTriggerNoFd !== undefined)
      throw new VfioError(profile.singleTriggerNoFd, 'bad-fd', `descriptor ${fd}`)
  }
}
