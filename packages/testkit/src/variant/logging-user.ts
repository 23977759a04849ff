/** A process that has memory for the DMA of the card, and asks which of it was written. */
import type { Operation } from '@vfiokit/locking'
import {
  CONTAINER_IOCTL,
  call,
  DMA_LOG_CONTROL,
  DMA_LOG_RANGE,
  DMA_LOG_REPORT,
  DMA_MAP,
  DMA_UNMAP,
  FEATURE,
  PAGE_SIZE_BYTES,
} from '@vfiokit/vfio-core'
import { demand, done } from '../demand.ts'
import type { DeviceUser } from '../device-user.ts'
import { CARD } from '../fixture-topology.ts'
import type { PluginBench } from '../plugin-bench.ts'
import { FeatureCalls } from './feature-calls.ts'

/** Where the memory is for the card. */
const IOVA = 0x10_0000n
const PAGES = 8
const MEMORY_BYTES = PAGES * PAGE_SIZE_BYTES
const PAGE_BYTES = BigInt(PAGE_SIZE_BYTES)
const READ_WRITE = 3
/** What is passed to ioctls lies behind the memory of the card. */
const ALL_BYTES = MEMORY_BYTES + PAGE_SIZE_BYTES

/** First page, and how many. */
export type LoggedPages = readonly [first: number, count: number]
/** All that the card reaches. */
export const ALL_PAGES: LoggedPages = [0, PAGES]

/** Pages are counted from the first one that the card reaches. */
export class LoggingUser {
  /** A container has this memory once. */
  static readonly #known = new WeakMap<DeviceUser, LoggingUser>()
  readonly #features: FeatureCalls

  private constructor(
    readonly bench: PluginBench,
    readonly user: DeviceUser,
    readonly memory: number,
  ) {
    this.#features = new FeatureCalls(user.calls)
  }

  /** Gives memory to a card that somebody has open, if it has none yet. */
  static of(user: DeviceUser, bench: PluginBench): LoggingUser {
    const known = LoggingUser.#known.get(user)
    if (known !== undefined) return known
    const { calls } = user.calls
    const protection = { read: true, write: true, execute: false }
    const request = { anonymous: true, lengthBytes: ALL_BYTES, protection, shared: false } as const
    const memory = done(call(calls.mmap(request)))
    const vaddr = BigInt(memory)
    const map = { argsz: DMA_MAP.sizeBytes, flags: READ_WRITE, vaddr, iova: IOVA, size: BigInt(MEMORY_BYTES) }
    done(call(calls.ioctl(user.containerFd, CONTAINER_IOCTL.IOMMU_MAP_DMA, DMA_MAP.encode(map))))
    const logging = new LoggingUser(bench, user, memory)
    LoggingUser.#known.set(user, logging)
    return logging
  }

  /** The same for a card that nobody has open. */
  static open(bench: PluginBench): LoggingUser {
    return LoggingUser.of(bench.open(), bench)
  }

  *start([first, count]: LoggedPages): Operation<void> {
    const range = DMA_LOG_RANGE.encode({ iova: addressOf(first), length: BigInt(count) * PAGE_BYTES })
    yield* call(this.user.calls.calls.store(this.#scratch, range))
    const control = { page_size: PAGE_BYTES, num_ranges: 1, ranges: BigInt(this.#scratch) }
    yield* this.#features.set(FEATURE.DMA_LOGGING_START, DMA_LOG_CONTROL.encode(control))
  }

  *stop(): Operation<void> {
    yield* this.#features.set(FEATURE.DMA_LOGGING_STOP, new Uint8Array(0))
  }

  /** Pages that were written, of those that the card reaches. */
  *report(): Operation<number[]> {
    const { calls } = this.user.calls
    yield* call(calls.store(this.#scratch, new Uint8Array(8)))
    const wanted = {
      iova: IOVA,
      length: BigInt(MEMORY_BYTES),
      page_size: PAGE_BYTES,
      bitmap: BigInt(this.#scratch),
    }
    yield* this.#features.get(FEATURE.DMA_LOGGING_REPORT, DMA_LOG_REPORT.encode(wanted))
    const bits = new Uint8Array(1)
    yield* call(calls.load(this.#scratch, bits))
    return Array.from({ length: PAGES }, (_, page) => page).filter((page) => (bits[0]! >> page) & 1)
  }

  /** The card writes the last bytes of a page and the first ones of the next. */
  writeAround(page: number): void {
    const end = addressOf(page) + PAGE_BYTES
    demand(this.bench.bus.dma.write(CARD, end - 4n, new Uint8Array(8)), 'the card cannot write by DMA')
  }

  /** Takes the memory away; the card stays open. */
  release(): void {
    const { calls } = this.user.calls
    const all = { argsz: DMA_UNMAP.sizeBytes, iova: IOVA, size: BigInt(MEMORY_BYTES) }
    done(call(calls.ioctl(this.user.containerFd, CONTAINER_IOCTL.IOMMU_UNMAP_DMA, DMA_UNMAP.encode(all))))
    done(call(calls.munmap(this.memory, ALL_BYTES)))
    LoggingUser.#known.delete(this.user)
  }

  get #scratch(): number {
    return this.memory + MEMORY_BYTES
  }
}

function addressOf(page: number): bigint {
  return IOVA + BigInt(page) * PAGE_BYTES
}
