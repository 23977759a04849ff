/** What a migration has under way on a stage: open data files by name, and the bytes that were read from them. */
import { VfioError } from '@vfiokit/vfio-core'

/** Names belong to processes, as descriptors do. */
export class DataFiles {
  readonly #fds = new Map<string, Map<string, number>>()

  /** A name stands for what was opened last under it. */
  opened(process: string, name: string, fd: number): void {
    const own = this.#fds.get(process) ?? new Map<string, number>()
    this.#fds.set(process, own.set(name, fd))
  }

  /** @throws VfioError EBADF when the process has nothing open under the name. */
  fd(process: string, name: string): number {
    const fd = this.#fds.get(process)?.get(name)
    if (fd === undefined) throw new VfioError('EBADF', 'bad-fd', `${process} does not have ${name} open`)
    return fd
  }

  /** @returns the descriptor, for whoever closes it. @throws VfioError EBADF as {@link DataFiles.fd}. */
  closed(process: string, name: string): number {
    const fd = this.fd(process, name)
    this.#fds.get(process)!.delete(name)
    return fd
  }

  /** A child has the descriptors of its parent. */
  fork(parent: string, child: string): void {
    this.#fds.set(child, new Map(this.#fds.get(parent)))
  }
}

/** What was read and not written yet, by name: what a network is between two hosts. Names belong to nobody. */
export class KeptBytes {
  readonly #bytes = new Map<string, Uint8Array>()

  /** Behind what is there. */
  add(name: string, bytes: Uint8Array): void {
    const before = this.first(name)
    const all = new Uint8Array(before.length + bytes.length)
    all.set(before)
    all.set(bytes, before.length)
    this.#bytes.set(name, all)
  }

  /** @param lengthBytes - All of them by default; there may be fewer. */
  first(name: string, lengthBytes?: number): Uint8Array {
    return (this.#bytes.get(name) ?? new Uint8Array(0)).subarray(0, lengthBytes)
  }

  /** They have gone on. */
  drop(name: string, lengthBytes: number): void {
    this.#bytes.set(name, this.first(name).slice(lengthBytes))
  }
}
