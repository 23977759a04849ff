/** DMA logging by a variant driver: which memory the device wrote. Kernel: `struct vfio_log_ops`. */
import { effect, type Operation, type VfioErrno } from '@vfiokit/locking'
import {
  copyFromUser,
  copyToUser,
  type DmaLoggingOps,
  type DmaLogRange,
  type FeatureCall,
  VfioError,
} from '@vfiokit/vfio-core'
import type { PluginCalls } from '../plugin-calls.ts'
import type { Answer } from '../region/region.ts'
import { synchronous } from '../region/synchronous.ts'

/** What a device that logs does. `RegionHost.watchDma` tells what it writes. */
export interface VariantDmaLog {
  /** @param pageSizeBytes - What users would like a bit to stand for; the device may count in its own. */
  start(ranges: readonly DmaLogRange[], pageSizeBytes: bigint): Answer
  stop(): Answer
  /** Addresses in a range that were written since they were reported last; in any order, also repeated. */
  report(range: DmaLogRange): readonly bigint[] | ReadonlySet<bigint>
}

const BITS = 8n

/** What the core asks for. */
export function dmaLoggingOps(log: VariantDmaLog, calls: PluginCalls): DmaLoggingOps {
  const ask = function* (member: string, use: () => unknown): Operation<void> {
    const name = `DMA log ${member}`
    const errno = yield* effect<VfioErrno | undefined>(name, [undefined], () => calls.errno(name, use))
    if (errno !== undefined) throw new VfioError(errno, 'plugin-refused', `${name} by ${calls.plugin}`)
  }
  return {
    start: (ranges, pageSizeBytes) => ask('start', () => log.start(ranges, pageSizeBytes)),
    stop: () => ask('stop', () => log.stop()),
    *report(range, pageSize, address, call) {
      const written = yield* effect<bigint[]>('DMA log report', [], () =>
        calls.answer('DMA log report', () => addressesIn([...synchronous(log.report(range))])),
      )
      yield* setBits(range, pageSize, address, written, call)
    },
  }
}

/** @throws TypeError for what is no address. */
function addressesIn(answer: readonly unknown[]): bigint[] {
  const wrong = answer.find((at) => typeof at !== 'bigint')
  if (wrong !== undefined) throw new TypeError(`it answered ${String(wrong)}, which is no address (a bigint)`)
  return answer as bigint[]
}

/**
 * Bits that are set already stay: users collect several reports in one bitmap. Only bytes with a bit to set are
 * touched, so a range may be as large as it likes. Kernel: `iova_bitmap_set`.
 */
function* setBits(
  { iova, length }: DmaLogRange,
  pageSize: bigint,
  address: bigint,
  written: readonly bigint[],
  { process }: FeatureCall,
): Operation<void> {
  const bits = new Map<bigint, number>()
  for (const at of written) {
    if (at < iova || at >= iova + length) continue
    const page = (at - iova) / pageSize
    bits.set(page / BITS, (bits.get(page / BITS) ?? 0) | (1 << Number(page % BITS)))
  }
  for (const [at, set] of bits) {
    const place = { address: Number(address + at), lengthBytes: 1 }
    const byte = new Uint8Array(1)
    yield* copyFromUser(process, place, 0, byte)
    yield* copyToUser(process, place, 0, Uint8Array.of(byte[0]! | set))
  }
}
