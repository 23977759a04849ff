/**
 * A counter that one side adds to and the other takes from: how interrupts reach a process.
 *
 * Whoever was given it by SET_IRQS signals it also after every descriptor of it was closed, to nobody.
 * Kernel: `fs/eventfd.c`.
 */
import type { Operation } from '@vfiokit/locking'
import type { IoctlCall } from './device-driver.ts'
import type { Process } from './mm/process.ts'
import { OpenFile, unknownIoctl } from './open-file.ts'
import { VfioError } from './vfio-error.ts'

/** What a process can fill a counter up to; beyond that its write waits, or fails when it may not wait. */
const COUNT_MAX = 2n ** 64n - 2n
/** The kernel goes one further. */
const SIGNALS_MAX = COUNT_MAX + 1n

/** Who acts when an eventfd is signalled. Kernel: `struct virqfd`. */
export interface EventWaiter {
  /** Told at each signal, from inside it: it must not wait. */
  readonly signalled: () => void
  /** The last descriptor was closed: no signal comes any more. */
  readonly hungUp: () => void
}

/** An open eventfd. */
export class Eventfd extends OpenFile {
  readonly title = 'eventfd'
  readonly #waiters = new Set<EventWaiter>()
  #count = 0n

  /** Events that nobody took yet. */
  get count(): bigint {
    return this.#count
  }

  /** One more event, from the kernel; a counter that is full stays so. Kernel: `eventfd_signal`. */
  signal(): void {
    this.#raise(this.#count < SIGNALS_MAX ? this.#count + 1n : this.#count)
  }

  /**
   * Adds events, as a process does. Kernel: `eventfd_write`.
   *
   * @throws VfioError EAGAIN when the counter has no room, EINVAL for 2^64-1 and what is no count.
   */
  add(count: bigint): void {
    if (count < 0n || count > COUNT_MAX) throw new VfioError('EINVAL', 'bad-count', `${count} events`)
    if (this.#count + count > COUNT_MAX) throw new VfioError('EAGAIN', 'contended', 'the eventfd is full')
    this.#raise(this.#count + count)
  }

  /** Takes every event; undefined when there is none. */
  consume(): bigint | undefined {
    if (this.#count === 0n) return undefined
    const taken = this.#count
    this.#count = 0n
    return taken
  }

  /** Waits for signals. @returns ends it. */
  wait(waiter: EventWaiter): () => void {
    this.#waiters.add(waiter)
    return () => void this.#waiters.delete(waiter)
  }

  #raise(count: bigint): void {
    this.#count = count
    for (const waiter of [...this.#waiters]) waiter.signalled()
  }

  override ioctl({ request }: IoctlCall): Operation<number> {
    throw unknownIoctl(this.title, request)
  }

  // biome-ignore lint/correctness/useYield: nobody has to be waited for
  protected override *release(): Operation<void> {
    const waiters = [...this.#waiters]
    this.#waiters.clear()
    for (const waiter of waiters) waiter.hungUp()
  }
}

/**
 * The eventfd of a descriptor. Kernel: `eventfd_ctx_fdget`.
 *
 * @throws VfioError EBADF when nothing is open there, EINVAL when it is something else.
 */
export function eventfdOf(process: Process, fd: number): Eventfd {
  const file = process.file(fd)
  if (file instanceof Eventfd) return file
  throw new VfioError('EINVAL', 'not-an-eventfd', `fd ${fd} of ${process.id} is ${file.title}`)
}
