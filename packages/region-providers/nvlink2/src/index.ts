/**
 * Device-specific regions of NVLink2 on POWER9, as Linux had them until 5.12: the first mappable regions of a
 * PCI device that are no memory of its own BARs.
 *
 *   GPU memory   of an NVIDIA V100      reached over a coherent link: no zap, no memory bit, no reset takes it
 *   ATSD         of an IBM NPU2 bridge  a page of registers, there from the mmap on
 *
 * Kernels that do not have them any more get no region.
 * @packageDocumentation
 */
import {
  definePlugin,
  type MapPlace,
  type Plugin,
  type Region,
  type RegionHost,
  type RegionProvider,
  type VfioErrno,
} from '@vfiokit/plugin'

const NVIDIA = 0x10de
const IBM = 0x1014
const SUBTYPE = { GPU_MEMORY: 1, ATSD: 1 } as const
const PAGE_BYTES = 4096
/** The only one of the kernels that the host knows which has these regions. */
const LINUX = '5.10'

/** Capabilities of region info: which link it is, and how fast. Kernel: `VFIO_REGION_INFO_CAP_NVLINK2_*`. */
const CAPABILITY = { TARGET: 4, LINK_SPEED: 5 } as const

/** Numbers of the device tree, as firmware has to give them to the function. */
export const PROPERTY = {
  MEMORY_BASE: 'gpu-memory-base',
  MEMORY_BYTES: 'gpu-memory-size',
  TARGET: 'ibm,device-tgt-addr',
  LINK_SPEED: 'ibm,nvlink-speed',
  ATSD: 'ibm,mmio-atsd',
} as const

/** Regions of both ends of a link. */
export const nvlink2: RegionProvider = {
  name: 'nvlink2',
  matches: ({ vendorId }) => vendorId === NVIDIA || vendorId === IBM,
  open(host) {
    if (host.kernel !== LINUX) return []
    return host.function.vendorId === NVIDIA ? gpuMemory(host) : atsd(host)
  },
}

/** A GPU without a link has none, and is a device like any other. */
function gpuMemory(host: RegionHost): Region[] {
  const base = host.property(PROPERTY.MEMORY_BASE)
  const size = host.property(PROPERTY.MEMORY_BYTES)
  const target = host.property(PROPERTY.TARGET)
  if (base === undefined || size === undefined || target === undefined) return []
  const sizeBytes = Number(size)
  const memory = host.physical(base, sizeBytes)
  let isMapped = false
  return [
    {
      kind: { vendor: NVIDIA, subtype: SUBTYPE.GPU_MEMORY },
      sizeBytes,
      read: (offset, out) => memory.read(offset, out),
      write: (offset, data) => memory.write(offset, data),
      backing: 'physical',
      // Only the length is looked at, not where it begins: what lies behind the end is noticed by its fault.
      mmap({ lengthBytes }: MapPlace): VfioErrno | undefined {
        if (isMapped) return 'EPERM'
        if (lengthBytes > sizeBytes) return 'EINVAL'
        isMapped = true
        return undefined
      },
      fault: (offset) => (offset < sizeBytes ? { physical: base + BigInt(offset) } : undefined),
      capabilities: () => [targetCapability(target)],
    },
  ]
}

/** Without a register for it, a link has no such region here. */
function atsd(host: RegionHost): Region[] {
  const register = host.property(PROPERTY.ATSD)
  const target = host.property(PROPERTY.TARGET)
  const speed = host.property(PROPERTY.LINK_SPEED)
  if (register === undefined || target === undefined || speed === undefined) return []
  const page = host.physical(register, PAGE_BYTES)
  return [
    {
      kind: { vendor: IBM, subtype: SUBTYPE.ATSD },
      sizeBytes: PAGE_BYTES,
      read: (offset, out) => page.read(offset, out),
      write: (offset, data) => page.write(offset, data),
      backing: 'physical',
      prefault: true,
      mmap: ({ lengthBytes }) => (lengthBytes === PAGE_BYTES ? undefined : 'EINVAL'),
      fault: () => ({ physical: register }),
      capabilities: () => [targetCapability(target), speedCapability(Number(speed))],
    },
  ]
}

/** The link is known on both ends by this address. */
function targetCapability(target: bigint) {
  const body = new Uint8Array(8)
  new DataView(body.buffer).setBigUint64(0, target, true)
  return { id: CAPABILITY.TARGET, version: 1, body }
}

function speedCapability(speed: number) {
  const body = new Uint8Array(8)
  new DataView(body.buffer).setUint32(0, speed, true)
  return { id: CAPABILITY.LINK_SPEED, version: 1, body }
}

/** What a host loads. */
const plugin: Plugin = definePlugin({
  name: '@vfiokit/region-nvlink2',
  api: 1,
  regionProviders: [nvlink2],
})

export default plugin
