/**
 * Migration and DMA logging as a user program handles them: the features of an open device, and the
 * descriptor through which its state comes or goes, as typed calls over the raw ABI.
 */
import type { Operation } from '@vfiokit/locking'
import type { DeviceCalls } from './device-calls.ts'
import type { DmaLogRange } from './feature/dma-logging.ts'
import { PAGE_SIZE_BYTES } from './mm/page.ts'
import { call, type ProcessCalls } from './process-calls.ts'
import {
  DEVICE_FEATURE_FLAGS,
  DMA_LOG_CONTROL,
  DMA_LOG_RANGE,
  DMA_LOG_REPORT,
  FEATURE,
  MIG_DATA_SIZE,
  MIG_DEVICE_STATE,
  MIGRATION_IOCTL,
  PRECOPY_INFO,
} from './uapi/index.ts'

/** Answer of MIG_GET_PRECOPY_INFO. */
export interface PrecopyAnswer {
  readonly initialBytes: bigint
  readonly dirtyBytes: bigint
}

const { GET, SET } = DEVICE_FEATURE_FLAGS
const NOTHING = new Uint8Array(0)
const PAGE_BYTES = BigInt(PAGE_SIZE_BYTES)

/** How much is left to copy. @param fd - Of the data: {@link MigrationCalls.setState}. */
export function* precopyInfo(calls: ProcessCalls, fd: number): Operation<PrecopyAnswer> {
  const argument = PRECOPY_INFO.encode({ argsz: PRECOPY_INFO.sizeBytes })
  yield* call(calls.ioctl(fd, MIGRATION_IOCTL.MIG_GET_PRECOPY_INFO, argument))
  const { initial_bytes, dirty_bytes } = PRECOPY_INFO.decode(argument)
  return { initialBytes: initial_bytes, dirtyBytes: dirty_bytes }
}

/** One open device. Failures are thrown as VfioError. */
export class MigrationCalls {
  constructor(readonly device: DeviceCalls) {}

  /** Where it is: one of MIGRATION_STATE. */
  *state(): Operation<number> {
    const answer = yield* this.device.feature(
      GET | FEATURE.MIG_DEVICE_STATE,
      new Uint8Array(MIG_DEVICE_STATE.sizeBytes),
    )
    return MIG_DEVICE_STATE.decode(answer).device_state
  }

  /** Goes to a state. @returns the descriptor of the data that begins there, or -1. */
  *setState(state: number): Operation<number> {
    const wanted = MIG_DEVICE_STATE.encode({ device_state: state, data_fd: -1 })
    return MIG_DEVICE_STATE.decode(yield* this.device.feature(SET | FEATURE.MIG_DEVICE_STATE, wanted)).data_fd
  }

  /** About how many bytes STOP_COPY would give. */
  *dataSize(): Operation<bigint> {
    const answer = yield* this.device.feature(
      GET | FEATURE.MIG_DATA_SIZE,
      new Uint8Array(MIG_DATA_SIZE.sizeBytes),
    )
    return MIG_DATA_SIZE.decode(answer).stop_copy_length
  }

  /** The device notes which memory it writes. @param pageSizeBytes - What a bit of the log stands for. */
  *startDmaLogging(ranges: readonly DmaLogRange[], pageSizeBytes: bigint): Operation<void> {
    const list = new Uint8Array(ranges.length * DMA_LOG_RANGE.sizeBytes)
    for (const [at, range] of ranges.entries()) DMA_LOG_RANGE.write(list, range, at * DMA_LOG_RANGE.sizeBytes)
    yield* this.#withMemory(list, (address) => {
      const control = {
        page_size: pageSizeBytes,
        num_ranges: ranges.length,
        ranges: BigInt(address),
      }
      return this.device.feature(SET | FEATURE.DMA_LOGGING_START, DMA_LOG_CONTROL.encode(control))
    })
  }

  *stopDmaLogging(): Operation<void> {
    yield* this.device.feature(SET | FEATURE.DMA_LOGGING_STOP, NOTHING)
  }

  /** @returns the addresses of pages that were written since they were reported last, in their order. */
  *reportDmaLog({ iova, length }: DmaLogRange, pageSizeBytes: bigint): Operation<readonly bigint[]> {
    // Smaller pages are refused; room for them is not needed.
    const leastBytes = pageSizeBytes < PAGE_BYTES ? PAGE_BYTES : pageSizeBytes
    const pages = (length + leastBytes - 1n) / leastBytes
    const bits = new Uint8Array(Number((pages + 7n) / 8n))
    yield* this.#withMemory(bits, (address) => {
      const report = { iova, length, page_size: pageSizeBytes, bitmap: BigInt(address) }
      return this.device.feature(GET | FEATURE.DMA_LOGGING_REPORT, DMA_LOG_REPORT.encode(report))
    })
    const set: bigint[] = []
    for (const [byte, value] of bits.entries())
      for (let bit = 0; value >> bit > 0; bit++)
        if ((value >> bit) & 1) set.push(iova + BigInt(byte * 8 + bit) * pageSizeBytes)
    return set
  }

  /** These structs point at memory: bytes are put into some for one call, and taken back afterwards. */
  *#withMemory(bytes: Uint8Array, use: (address: number) => Operation<unknown>): Operation<void> {
    const { calls } = this.device
    const lengthBytes = Math.max(1, bytes.length)
    const protection = { read: true, write: true, execute: false }
    const address = yield* call(calls.mmap({ anonymous: true, lengthBytes, protection, shared: false }))
    try {
      for (const [at, part] of partsOf(bytes)) yield* call(calls.store(address + at, part))
      yield* use(address)
      for (const [at, part] of partsOf(bytes)) yield* call(calls.load(address + at, part))
    } finally {
      yield* call(calls.munmap(address, lengthBytes))
    }
  }
}

/** An access stays inside of one page. */
function partsOf(bytes: Uint8Array): (readonly [at: number, part: Uint8Array])[] {
  return Array.from({ length: Math.ceil(bytes.length / PAGE_SIZE_BYTES) }, (_, page) => {
    const at = page * PAGE_SIZE_BYTES
    return [at, bytes.subarray(at, at + PAGE_SIZE_BYTES)] as const
  })
}
