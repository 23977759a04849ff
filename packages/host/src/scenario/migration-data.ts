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
  /** As they came: a stream is read in many parts, and joining them each time would copy all of it each time. */
  readonly #parts = new Map<string, Uint8Array[]>()

  /** Behind what is there. */
  add(name: string, bytes: Uint8Array): void {
    const parts = this.#parts.get(name) ?? []
    this.#parts.set(name, parts)
    if (bytes.length > 0) parts.push(bytes.slice())
  }

  /** @param lengthBytes - All of them by default; there may be fewer. */
  first(name: string, lengthBytes: number = Number.POSITIVE_INFINITY): Uint8Array {
    const taken: Uint8Array[] = []
    let left = lengthBytes
    for (const part of this.#parts.get(name) ?? []) {
      if (left <= 0) break
      taken.push(part.subarray(0, left))
      left -= part.length
    }
    return Buffer.concat(taken)
  }

  /** They have gone on. */
  drop(name: string, lengthBytes: number): void {
    const parts = this.#parts.get(name) ?? []
    let left = lengthBytes
    let gone = 0
    while (gone < parts.length && parts[gone]!.length <= left) left -= parts[gone++]!.length
    parts.splice(0, gone)
    if (left > 0 && parts.length > 0) parts[0] = parts[0]!.subarray(left)
  }
}
