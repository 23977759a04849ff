/** A process that has memory for the DMA of the card, and asks which of it was written. */
import type { Operation } from '@vfiokit/locking'
import {
  CONTAINER_IOCTL,
  call,
  type DeviceCalls,
  DMA_MAP,
  DMA_UNMAP,
  MigrationCalls,
  PAGE_SIZE_BYTES,
} from '@vfiokit/vfio-core'
import { demand, done } from '../demand.ts'
import type { DeviceUser } from '../device-user.ts'
import { CARD } from '../fixture-topology.ts'
import type { PluginBench } from '../plugin-bench.ts'

/** Where the memory is for the card. */
const IOVA = 0x10_0000n
const PAGES = 8
const MEMORY_BYTES = PAGES * PAGE_SIZE_BYTES
const PAGE_BYTES = BigInt(PAGE_SIZE_BYTES)
const READ_WRITE = 3

/** First page, and how many. */
export type LoggedPages = readonly [first: number, count: number]
/** All that the card reaches. */
export const ALL_PAGES: LoggedPages = [0, PAGES]

/** Pages are counted from the first one that the card reaches. */
export class LoggingUser {
  /** A container has this memory once. */
  static readonly #known = new WeakMap<DeviceUser, LoggingUser>()
  readonly #calls: MigrationCalls

  private constructor(
    readonly bench: PluginBench,
    readonly user: DeviceUser,
    readonly memory: number,
    calls: DeviceCalls = user.calls,
  ) {
    this.#calls = new MigrationCalls(calls)
  }

  /** Gives memory to a card that somebody has open, if it has none yet. */
  static of(user: DeviceUser, bench: PluginBench): LoggingUser {
    const known = LoggingUser.#known.get(user)
    if (known !== undefined) return known
    const { calls } = user.calls
    const protection = { read: true, write: true, execute: false }
    const request = { anonymous: true, lengthBytes: MEMORY_BYTES, protection, shared: false } as const
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

  /** The same for a scheduler. */
  get stepwise(): LoggingUser {
    return new LoggingUser(this.bench, this.user, this.memory, this.user.operations)
  }

  start([first, count]: LoggedPages): Operation<void> {
    const range = { iova: addressOf(first), length: BigInt(count) * PAGE_BYTES }
    return this.#calls.startDmaLogging([range], PAGE_BYTES)
  }

  stop(): Operation<void> {
    return this.#calls.stopDmaLogging()
  }

  /** Pages that were written, of those that the card reaches. */
  *report(): Operation<number[]> {
    const all = { iova: IOVA, length: BigInt(MEMORY_BYTES) }
    const written = yield* this.#calls.reportDmaLog(all, PAGE_BYTES)
    return written.map((at) => Number((at - IOVA) / PAGE_BYTES))
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
    done(call(calls.munmap(this.memory, MEMORY_BYTES)))
    LoggingUser.#known.delete(this.user)
  }
}

function addressOf(page: number): bigint {
  return IOVA + BigInt(page) * PAGE_BYTES
}
