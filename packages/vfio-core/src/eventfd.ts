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

/** A counter holds at most this; one more add waits in Linux, and fails when it may not wait. */
const COUNT_MAX = 2n ** 64n - 2n

/** Who acts when an eventfd is signalled. Kernel: `struct virqfd`. */
interface EventWaiter {
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

  /**
   * Adds events and tells the waiters. Kernel: `eventfd_signal`, `eventfd_write`.
   *
   * @throws VfioError EAGAIN when the counter is full, EINVAL for 2^64-1.
   */
  signal(count = 1n): void {
    if (count < 0n || count > COUNT_MAX) throw new VfioError('EINVAL', 'bad-count', `${count} events`)
    if (this.#count + count > COUNT_MAX) throw new VfioError('EAGAIN', 'contended', 'the eventfd is full')
    this.#count += count
    for (const waiter of [...this.#waiters]) waiter.signalled()
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

  override ioctl({ request }: IoctlCall): Operation<number> {
    throw unknownIoctl(this.title, request)
  }

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
