/** Steps about migration and about memory that devices write, in the words of linux/vfio.h. */
import { effect, type Operation } from '@vfiokit/locking'
import {
  CONTAINER_IOCTL,
  DMA_MAP,
  DMA_MAP_FLAGS,
  MIGRATION_STATE,
  MigrationCalls,
  precopyInfo,
  VfioError,
} from '@vfiokit/vfio-core'
import type { DataFdArguments, IovaRangeArguments, MigrationStepTypes } from './migration-step-schema.ts'
import type { StepContext, StepRunner } from './step-runner.ts'

const READ_BYTES = 4096
/** A stream without an end would take all memory before a run is stopped. */
const STREAM_BYTES_MAX = 2 ** 26
const PAGE_BYTES = 4096
const NAMES = new Map<number, string>(Object.entries(MIGRATION_STATE).map(([name, state]) => [state, name]))

const ofDevice = ({ device }: { readonly device: string }): string => device
const ofData = ({ dataFd }: DataFdArguments): string => dataFd
const ofRange = ({ iova, length }: IovaRangeArguments): string => `0x${iova.toString(16)} + ${length}`

/** By name; the type says that none is missing. */
export const MIGRATION_RUNNERS: {
  readonly [K in keyof MigrationStepTypes]: StepRunner<MigrationStepTypes[K]>
} = {
  'mig-device-state': {
    *run(context, { device, state, dataFd }) {
      const calls = migrationOf(context, device)
      if (state === undefined) {
        const found = yield* calls.state()
        return NAMES.get(found) ?? `state ${found}`
      }
      return yield* keepData(context, yield* calls.setState(MIGRATION_STATE[state]), dataFd)
    },
    describe: ({ device, state }) => (state === undefined ? device : `${device} ${state}`),
  },
  'mig-data-size': {
    *run(context, { device }) {
      return `${yield* migrationOf(context, device).dataSize()} bytes`
    },
    describe: ofDevice,
  },
  'mig-precopy-info': {
    *run({ stage, process }, { dataFd }) {
      const fd = stage.dataFiles.fd(process, dataFd)
      const { initialBytes, dirtyBytes } = yield* precopyInfo(stage.processes.get(process)!, fd)
      return `initial_bytes ${initialBytes}, dirty_bytes ${dirtyBytes}`
    },
    describe: ofData,
  },
  'mig-data-read': {
    run: (context, { dataFd, length, into }) =>
      length === undefined ? readToEnd(context, dataFd, into) : readOnce(context, dataFd, into, length),
    describe: ({ dataFd, into }) => `${dataFd} into ${into}`,
  },
  'mig-data-write': {
    *run({ stage, process }, { dataFd, from, length, data }) {
      const fd = stage.dataFiles.fd(process, dataFd)
      const bytes = from === undefined ? Buffer.from(data!, 'hex') : stage.kept.first(from, length)
      const count = yield* stage.processes.get(process)!.pwrite(fd, bytes, 0)
      if (from !== undefined) stage.kept.drop(from, count)
      return count === bytes.length ? bytesText(count) : `${count} of ${bytesText(bytes.length)}`
    },
    describe: ({ dataFd, from }) => `${dataFd} from ${from ?? 'data'}`,
  },
  'mig-data-close': {
    *run({ stage, process }, { dataFd }) {
      yield* stage.processes.get(process)!.close(stage.dataFiles.closed(process, dataFd))
    },
    describe: ofData,
  },
  'dma-map': {
    *run({ stage, process }, { device, iova, length }) {
      const calls = stage.processes.get(process)!
      const protection = { read: true, write: true, execute: false }
      const address = yield* calls.mmap({ anonymous: true, lengthBytes: length, protection, shared: false })
      const flags = DMA_MAP_FLAGS.READ | DMA_MAP_FLAGS.WRITE
      const request = { vaddr: BigInt(address), iova: BigInt(iova), size: BigInt(length), flags }
      const argument = DMA_MAP.encode({ argsz: DMA_MAP.sizeBytes, ...request })
      yield* calls.ioctl(stage.containerFd(process, device), CONTAINER_IOCTL.IOMMU_MAP_DMA, argument)
    },
    describe: ({ device, ...range }) => `${device} ${ofRange(range)}`,
  },
  'dma-write': {
    *run({ stage: { host, bdfs } }, { device, iova, data }) {
      const bytes = Buffer.from(data, 'hex')
      const bdf = bdfs.get(device)!
      const isDone = yield* effect<boolean>(`DMA of ${bdf}`, [], () =>
        host.bus.dma.write(bdf, BigInt(iova), bytes),
      )
      return isDone ? bytesText(bytes.length) : 'IOMMU fault'
    },
    describe: ({ device, iova }) => `${device} 0x${iova.toString(16)}`,
  },
  'dma-logging-start': {
    *run(context, { device, ranges, pageSize = PAGE_BYTES }) {
      yield* migrationOf(context, device).startDmaLogging(ranges.map(wideRange), BigInt(pageSize))
    },
    describe: ({ device, ranges }) => `${device} ${ranges.map(ofRange).join(', ')}`,
  },
  'dma-logging-report': {
    *run(context, { device, pageSize = PAGE_BYTES, ...range }) {
      const calls = migrationOf(context, device)
      return pagesText(yield* calls.reportDmaLog(wideRange(range), BigInt(pageSize)))
    },
    describe: ({ device, ...range }) => `${device} ${ofRange(range)}`,
  },
  'dma-logging-stop': {
    *run(context, { device }) {
      yield* migrationOf(context, device).stopDmaLogging()
    },
    describe: ofDevice,
  },
}

function migrationOf({ stage, process }: StepContext, device: string): MigrationCalls {
  return new MigrationCalls(stage.latest(process, device))
}

/** Data that nobody gives a name is closed: nobody could ask for it. */
function* keepData(
  { stage, process }: StepContext,
  fd: number,
  name: string | undefined,
): Operation<string | undefined> {
  if (fd === -1) return name === undefined ? undefined : 'no data begins'
  if (name !== undefined) {
    stage.dataFiles.opened(process, name, fd)
    return `data_fd is ${name}`
  }
  yield* stage.processes.get(process)!.close(fd)
  return 'data_fd has no name, and is closed'
}

function* readOnce(
  { stage, process }: StepContext,
  dataFd: string,
  into: string,
  lengthBytes: number,
): Operation<string> {
  const bytes = new Uint8Array(lengthBytes)
  const count = yield* stage.processes.get(process)!.pread(stage.dataFiles.fd(process, dataFd), bytes, 0)
  stage.kept.add(into, bytes.subarray(0, count))
  if (count === 0) return 'the end'
  return count === lengthBytes ? bytesText(count) : `${count} of ${bytesText(lengthBytes)}`
}

/** What came before an errno is kept, and told with it. */
function* readToEnd({ stage, process }: StepContext, dataFd: string, into: string): Operation<string> {
  const fd = stage.dataFiles.fd(process, dataFd)
  const parts: Uint8Array[] = []
  let total = 0
  const done = () => `${bytesText(total)} in ${parts.length} read${parts.length === 1 ? '' : 's'}`
  try {
    for (;;) {
      const bytes = new Uint8Array(READ_BYTES)
      const count = yield* stage.processes.get(process)!.pread(fd, bytes, 0)
      if (count === 0) return `${done()}, then the end`
      parts.push(bytes.subarray(0, count))
      total += count
      if (total > STREAM_BYTES_MAX) throw new RangeError(`no end after ${done()}`)
    }
  } catch (cause) {
    if (!VfioError.is(cause) || total === 0) throw cause
    throw new VfioError(cause.errno, cause.reason, `after ${done()}`)
  } finally {
    stage.kept.add(into, Buffer.concat(parts))
  }
}

function wideRange({ iova, length }: IovaRangeArguments): { iova: bigint; length: bigint } {
  return { iova: BigInt(iova), length: BigInt(length) }
}

function bytesText(count: number): string {
  return count === 1 ? '1 byte' : `${count} bytes`
}

/** So many pages are told one by one. */
const PAGES_SHOWN = 8

function pagesText(pages: readonly bigint[]): string {
  if (pages.length === 0) return 'no page'
  const shown = pages.slice(0, PAGES_SHOWN).map((at) => `0x${at.toString(16)}`)
  const more = pages.length - shown.length
  const count = pages.length === 1 ? '1 page' : `${pages.length} pages`
  return `${count}: ${shown.join(', ')}${more === 0 ? '' : ` and ${more} more`}`
}
