/**
 * Eventfd: a counter that interrupts add to and programs read. Kernel: `fs/eventfd.c`.
 *
 * Whoever attached to it is called at each signal and takes the count, as the kernel's `virqfd` does:
 * unmasking an interrupt, or a write that an event stands for.
 */
import { effect, type Operation, runLive, type Step } from '@vfiokit/locking'
import type { Process } from './mm/process.ts'
import { OpenFile, unknownIoctl } from './open-file.ts'
import { VfioError } from './vfio-error.ts'

/** What is done when an eventfd was signalled. */
export type EventConsumer = () => Step<void>

/** The count never goes beyond this; a write that would take it there is refused, as with EFD_NONBLOCK. */
const COUNT_MAX = 0xffff_ffff_ffff_fffen

/** An open eventfd. */
export class Eventfd extends OpenFile {
  readonly title = 'eventfd'
  readonly #consumers = new Set<EventConsumer>()
  #count = 0n

  /** What a read would take. */
  get count(): bigint {
    return this.#count
  }

  /**
   * Adds one, from inside an interrupt: nobody can be waited for there, so a consumer that finds a
   * lock taken goes on later. Kernel: `eventfd_signal`.
   */
  signal(): void {
    if (this.#count < COUNT_MAX) this.#count++
    for (const consumer of this.#attached()) void runLive(consumer())
  }

  /** A program's write of 8 bytes. @throws VfioError EAGAIN when the counter is full. */
  *add(count: bigint): Operation<void> {
    if (this.#count + count > COUNT_MAX) throw new VfioError('EAGAIN', 'would-block', 'the counter is full')
    yield* effect('write to an eventfd', [undefined], () => {
      this.#count += count
    })
    for (const consumer of this.#attached()) yield* consumer() as Operation<void>
  }

  /** A program's read of 8 bytes: takes the count. @throws VfioError EAGAIN when it is 0. */
  takeCount(): bigint {
    if (this.#count === 0n) throw new VfioError('EAGAIN', 'would-block', 'nothing was signalled')
    const count = this.#count
    this.#count = 0n
    return count
  }

  /**
   * Calls `consumer` at every signal from now on, and at once for what was signalled before.
   *
   * @returns takes it off again. Kernel: `vfio_virqfd_enable`, `vfio_virqfd_disable`.
   */
  attach(consumer: EventConsumer): () => void {
    this.#consumers.add(consumer)
    if (this.#count > 0n) {
      this.#count = 0n
      void runLive(consumer())
    }
    return () => void this.#consumers.delete(consumer)
  }

  override ioctl({ request }: { readonly request: number }): Operation<number> {
    throw unknownIoctl(this.title, request)
  }

  protected override *release(): Operation<void> {}

  /** Those to be called; they take the count with them. */
  #attached(): EventConsumer[] {
    if (this.#consumers.size > 0) this.#count = 0n
    return [...this.#consumers]
  }
}

/**
 * The eventfd that a descriptor is. Kernel: `eventfd_ctx_fdget`.
 *
 * @throws VfioError EBADF when it is not open, EINVAL when it is another kind of file.
 */
export function eventfdOf(process: Process, fd: number): Eventfd {
  const file = process.file(fd)
  if (file instanceof Eventfd) return file
  throw new VfioError('EINVAL', 'not-an-eventfd', `fd ${fd} of ${process.id} is ${file.title}`)
}
