/**
 * DMA logging by the device itself: which memory it wrote. Kernel: `vfio_ioctl_device_feature_logging_*`.
 */
import type { Operation } from '@vfiokit/locking'
import { PageSpans } from '../iommu/page-spans.ts'
import { PAGE_SIZE_BYTES } from '../mm/page.ts'
import { copyFromUser } from '../mm/user-buffer.ts'
import { DMA_LOG_CONTROL, DMA_LOG_RANGE, DMA_LOG_REPORT, FEATURE } from '../uapi/index.ts'
import { VfioError } from '../vfio-error.ts'
import { type DeviceFeature, type FeatureCall, payloadIn } from './device-feature.ts'

/** A range of DMA addresses. */
export interface DmaLogRange {
  readonly iova: bigint
  readonly length: bigint
}

/** What a driver does for a device that logs. Kernel: `struct vfio_log_ops`. */
export interface DmaLoggingOps {
  start(ranges: readonly DmaLogRange[], pageSize: bigint): Operation<void>
  stop(): Operation<void>
  /** Reports what was written in a range since the last report. */
  report(range: DmaLogRange, pageSize: bigint, bitmapAddress: bigint, call: FeatureCall): Operation<void>
}

const MOST_RANGES = PAGE_SIZE_BYTES / DMA_LOG_RANGE.sizeBytes

/** The feature of that index, if it is one of logging and the device has it. */
export function dmaLoggingFeature(ops: DmaLoggingOps | undefined, index: number): DeviceFeature | undefined {
  return ops === undefined ? undefined : FEATURES.get(index)?.(ops)
}

const FEATURES: ReadonlyMap<number, (ops: DmaLoggingOps) => DeviceFeature> = new Map([
  [FEATURE.DMA_LOGGING_START, startFeature],
  [FEATURE.DMA_LOGGING_STOP, stopFeature],
  [FEATURE.DMA_LOGGING_REPORT, reportFeature],
])

function startFeature(ops: DmaLoggingOps): DeviceFeature {
  return {
    payloadBytes: DMA_LOG_CONTROL.sizeBytes,
    *set(call) {
      const { page_size, num_ranges, ranges } = payloadIn(DMA_LOG_CONTROL, call)
      if (num_ranges === 0) throw new VfioError('EINVAL', 'bad-count', 'no range to log')
      if (num_ranges > MOST_RANGES) throw new VfioError('E2BIG', 'bad-count', `${num_ranges} ranges`)
      const bytes = new Uint8Array(num_ranges * DMA_LOG_RANGE.sizeBytes)
      const buffer = { address: Number(ranges), lengthBytes: bytes.length }
      yield* copyFromUser(call.process, buffer, 0, bytes)
      const list = Array.from({ length: num_ranges }, (_, at) =>
        DMA_LOG_RANGE.decode(bytes, at * DMA_LOG_RANGE.sizeBytes),
      )
      refuseRanges(list, page_size)
      yield* ops.start(list, page_size)
      return 0
    },
  }
}

function refuseRanges(ranges: readonly DmaLogRange[], pageSize: bigint): void {
  const spans = new PageSpans()
  for (const { iova, length } of ranges) {
    if (pageSize === 0n || iova % pageSize !== 0n || length % pageSize !== 0n)
      throw new VfioError('EINVAL', 'bad-alignment', `0x${iova.toString(16)} + ${length}`)
    refuseOverflow(iova, length)
    const first = Number(iova / pageSize)
    const last = first + Number(length / pageSize) - 1
    if (spans.firstIn(first, last) !== undefined)
      throw new VfioError('EINVAL', 'is-mapped', `0x${iova.toString(16)} + ${length} is there twice`)
    spans.add({ first, last })
  }
}

function refuseOverflow(iova: bigint, length: bigint): void {
  if (iova + length >= 2n ** 64n)
    throw new VfioError('EOVERFLOW', 'range-wraps', `0x${iova.toString(16)} + ${length}`)
}

function stopFeature(ops: DmaLoggingOps): DeviceFeature {
  return {
    payloadBytes: 0,
    *set() {
      yield* ops.stop()
      return 0
    },
  }
}

function reportFeature(ops: DmaLoggingOps): DeviceFeature {
  return {
    payloadBytes: DMA_LOG_REPORT.sizeBytes,
    *get(call) {
      const { iova, length, page_size, bitmap } = payloadIn(DMA_LOG_REPORT, call)
      const isPowerOf2 = page_size !== 0n && (page_size & (page_size - 1n)) === 0n
      if (page_size < BigInt(PAGE_SIZE_BYTES) || !isPowerOf2)
        throw new VfioError('EINVAL', 'bad-alignment', `a bit for ${page_size} bytes`)
      refuseOverflow(iova, length)
      yield* ops.report({ iova, length }, page_size, bitmap, call)
      return 0
    },
  }
}
