/** The DMA map of a container, and the memory behind it. */
import {
  CONTAINER_IOCTL,
  DMA_MAP,
  DMA_UNMAP,
  type InfoCapability,
  IOMMU_INFO,
  IOMMU_INFO_FLAGS,
  readChain,
} from '@vfiokit/vfio-core'
import { flagNames, hexOf, NOTHING, type OperationCall, type OperationHandler } from '../script/handler.ts'
import type { Answer } from '../script/outcome.ts'
import { numberOf, optionOf, type ScriptSession } from '../script/session.ts'
import { memoryAddress, readMemory, writeMemory } from './dma-memory.ts'

/** Operations by name. */
export const DMA_OPERATIONS: Readonly<Record<string, OperationHandler>> = {
  'iommu-info': iommuInfo,
  'dma-map': async ({ session, positional: [iova, size, protection], options }) => {
    const at = BigInt(options.get('vaddr') ?? 0)
    const vaddr = session.container === undefined ? at : BigInt(await memoryAddress(session)) + at
    const flags = optionOf(options, 'flags') ?? mapFlags(protection!)
    await mapDma(session, { vaddr, iova: BigInt(iova!), size: BigInt(size!), flags }, options)
    return NOTHING
  },
  'dma-map-region': async ({ session, positional: [iova, id, protection = 'rw'], options }) => {
    const { address, lengthBytes } = session.map(id!)
    const request = {
      vaddr: BigInt(address),
      iova: BigInt(iova!),
      size: BigInt(lengthBytes),
      flags: mapFlags(protection),
    }
    await mapDma(session, request, options)
    return NOTHING
  },
  'dma-unmap': dmaUnmap,
  'dma-poke': async ({ session, positional: [offset, hex] }) => {
    await writeMemory(session, numberOf(offset!), Uint8Array.from(Buffer.from(hex!, 'hex')))
    return NOTHING
  },
  'dma-peek': async ({ session, positional: [offset, length] }) => ({
    result: { data: hexOf(await readMemory(session, numberOf(offset!), numberOf(length!))) },
  }),
}

const BUFFER_BYTES = 4096
/** `VFIO_DMA_MAP_FLAG_READ`, `_WRITE` */
const MAP_FLAGS: Readonly<Record<string, number>> = { r: 1, w: 2 }

interface MapRequest {
  readonly vaddr: bigint
  readonly iova: bigint
  readonly size: bigint
  readonly flags: number
}

async function mapDma(
  session: ScriptSession,
  request: MapRequest,
  options: ReadonlyMap<string, string>,
): Promise<void> {
  const argsz = optionOf(options, 'argsz') ?? DMA_MAP.sizeBytes
  const bytes = DMA_MAP.encode({ argsz, ...request }, BUFFER_BYTES)
  await session.process.ioctl(session.containerFd, CONTAINER_IOCTL.IOMMU_MAP_DMA, bytes)
}

function mapFlags(protection: string): number {
  return [...protection].reduce((flags, letter) => flags | (MAP_FLAGS[letter] ?? 0), 0)
}

async function dmaUnmap({ session, positional: [iova, size], options }: OperationCall): Promise<Answer> {
  const argsz = optionOf(options, 'argsz') ?? DMA_UNMAP.sizeBytes
  const flags = optionOf(options, 'flags') ?? 0
  const bytes = DMA_UNMAP.encode({ argsz, flags, iova: BigInt(iova!), size: BigInt(size!) }, BUFFER_BYTES)
  await session.process.ioctl(session.containerFd, CONTAINER_IOCTL.IOMMU_UNMAP_DMA, bytes)
  return { result: { size: Number(DMA_UNMAP.decode(bytes).size) } }
}

/** Without an argsz of its own it asks twice: how much there is, then for all of it. */
async function iommuInfo({ session, options }: OperationCall): Promise<Answer> {
  const ask = async (size: number) => {
    const argument = IOMMU_INFO.encode({ argsz: size }, BUFFER_BYTES)
    await session.process.ioctl(session.containerFd, CONTAINER_IOCTL.IOMMU_GET_INFO, argument)
    return argument
  }
  const asked = optionOf(options, 'argsz')
  const first = await ask(asked ?? IOMMU_INFO.sizeBytes)
  const bytes = asked === undefined ? await ask(IOMMU_INFO.decode(first).argsz) : first
  const { argsz, flags, iova_pgsizes, cap_offset } = IOMMU_INFO.decode(bytes)
  const caps = cap_offset === 0 ? [] : readChain(bytes.subarray(0, argsz), cap_offset).map(capabilityOf)
  return {
    result: {
      argsz,
      flags: flagNames(flags, IOMMU_INFO_FLAGS),
      iova_pgsizes: `0x${iova_pgsizes.toString(16)}`,
      caps,
    },
  }
}

interface CapabilityShape {
  readonly name: string
  body(view: DataView): Readonly<Record<string, unknown>>
}

/** `VFIO_IOMMU_TYPE1_INFO_CAP_*`, and what of each is shown. */
const CAPABILITIES: Readonly<Record<number, CapabilityShape>> = {
  1: {
    name: 'IOVA_RANGE',
    body: (view) => ({
      ranges: Array.from({ length: view.getUint32(0, true) }, (_, at) =>
        [8, 16].map((offset) => `0x${view.getBigUint64(offset + 16 * at, true).toString(16)}`),
      ),
    }),
  },
  2: { name: 'MIGRATION', body: () => ({}) },
  3: { name: 'DMA_AVAIL', body: (view) => ({ avail: view.getUint32(0, true) }) },
}

function capabilityOf({ id, version, body }: InfoCapability): Readonly<Record<string, unknown>> {
  const shape = CAPABILITIES[id]
  if (shape === undefined) return { id, version }
  return { id, version, name: shape.name, ...shape.body(new DataView(body.buffer, body.byteOffset)) }
}
