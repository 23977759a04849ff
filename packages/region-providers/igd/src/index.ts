/**
 * Device-specific regions of Intel graphics, as `vfio_pci_igd_init` makes them.
 *
 *   OpRegion     8 KiB, or with the VBT behind it   memory of the host, shared by firmware and drivers
 *   host bridge  configuration space of 00:00.0     drivers of a guest look at it to know the platform
 *   LPC bridge   configuration space of 00:1f.0     the same
 *
 * All are read-only and trapped. Where a step finds nothing, what was found so far is what there is.
 * @packageDocumentation
 */
import {
  definePlugin,
  type OtherFunction,
  type Plugin,
  type Region,
  type RegionConfig,
  type RegionHost,
  type RegionProvider,
} from '@vfiokit/plugin'

const INTEL = 0x8086
const DISPLAY_CLASS = 0x03
const VGA_CLASS = 0x0300
/** Subtypes of the vendor's region type. Kernel: `VFIO_REGION_SUBTYPE_INTEL_IGD_*`. */
const SUBTYPE = { OPREGION: 1, HOST_CONFIG: 2, LPC_CONFIG: 3 } as const
/** Where configuration space says where the OpRegion is. */
const ASLS = 0xfc
const ASLS_NONE: readonly number[] = [0, 0xffff_ffff]

/** Of the OpRegion. */
const OPREGION = {
  SIGNATURE: 'IntelGraphicsMem',
  BYTES: 8192,
  SIZE_KIB: 16,
  VERSION: 22,
  /** Address of the VBT: absolute in version 2.0, from the start of the OpRegion on in 2.1. */
  RVDA: 954,
  RVDS: 962,
} as const
const VERSION_2_0 = 0x0200
const VERSION_2_1 = 0x0201

/** What a bridge has to be. */
interface BridgePlace {
  readonly bdf: string
  /** Class and subclass. */
  readonly classCode: number
  readonly subtype: number
}
const BRIDGES: readonly BridgePlace[] = [
  { bdf: '0000:00:00.0', classCode: 0x0600, subtype: SUBTYPE.HOST_CONFIG },
  { bdf: '0000:00:1f.0', classCode: 0x0601, subtype: SUBTYPE.LPC_CONFIG },
]

/** Kernels that know Intel graphics by VGA class alone; newer ones take any display. */
const VGA_ONLY: ReadonlySet<string> = new Set(['5.10', '6.1', '6.12'])
/** Kernels that show an OpRegion of version 2.0 as 2.1, with the VBT right behind it. */
const MOVES_VBT: ReadonlySet<string> = new Set(['6.12', '7.2'])

/** Regions of Intel graphics. */
export const igd: RegionProvider = {
  name: 'igd',
  matches: ({ vendorId, classCode }) => vendorId === INTEL && classCode >>> 16 === DISPLAY_CLASS,

  open(host) {
    if (VGA_ONLY.has(host.kernel) && host.function.classCode >>> 8 !== VGA_CLASS) return []
    const address = host.config.read(ASLS, 4)
    if (ASLS_NONE.includes(address)) return []
    const regions = [opRegion(host, BigInt(address))]
    // Users may set the address that they see; the hardware keeps its own.
    host.config.keepVirtual(ASLS, bytesOf(address))
    for (const place of BRIDGES) {
      const bridge = host.functionAt(place.bdf)
      if (bridge === undefined) break
      regions.push(bridgeRegion(bridge, place))
    }
    return regions
  },
}

/** A part of what the OpRegion shows, in memory. */
interface Part {
  readonly address: bigint
  readonly sizeBytes: number
}

/** @throws RangeError for memory that is not there or not an OpRegion. */
function opRegion(host: RegionHost, address: bigint): Region {
  const header = new Uint8Array(OPREGION.BYTES)
  host.physical(address, OPREGION.BYTES).read(0, header)
  const view = new DataView(header.buffer)
  const signature = new TextDecoder('latin1').decode(header.subarray(0, OPREGION.SIGNATURE.length))
  if (signature !== OPREGION.SIGNATURE)
    throw new RangeError(`memory at 0x${address.toString(16)} begins with no OpRegion signature`)
  const sizeKib = view.getUint32(OPREGION.SIZE_KIB, true)
  if (sizeKib === 0) throw new RangeError(`the OpRegion at 0x${address.toString(16)} has a size of 0`)
  const vbt = externalVbt(view, address, sizeKib * 1024)
  const parts = [{ address, sizeBytes: sizeKib * 1024 }, ...(vbt === undefined ? [] : [vbt])]
  const patches = vbt !== undefined && MOVES_VBT.has(host.kernel) ? movedVbt(view, parts[0]!.sizeBytes) : []
  return readOnlyMemory(host, parts, patches)
}

/** The VBT where it does not fit into the OpRegion, and lies right behind it or anywhere else. */
function externalVbt(view: DataView, address: bigint, sizeBytes: number): Part | undefined {
  const version = view.getUint16(OPREGION.VERSION, true)
  const at = view.getBigUint64(OPREGION.RVDA, true)
  const vbtBytes = view.getUint32(OPREGION.RVDS, true)
  if (version < VERSION_2_0 || at === 0n || vbtBytes === 0) return undefined
  const vbt = version === VERSION_2_0 ? at : address + at
  const isInside = vbt >= address && vbt + BigInt(vbtBytes) <= address + BigInt(sizeBytes)
  return isInside ? undefined : { address: vbt, sizeBytes: vbtBytes }
}

/** Bytes that are shown in place of others. */
interface Patch {
  readonly offset: number
  readonly bytes: Uint8Array
}

/** As version 2.1 has it: relative to the start, which is where users find the VBT. */
function movedVbt(view: DataView, opRegionBytes: number): Patch[] {
  if (view.getUint16(OPREGION.VERSION, true) !== VERSION_2_0) return []
  const version = Uint8Array.of(VERSION_2_1 & 0xff, VERSION_2_1 >>> 8)
  const relative = new Uint8Array(8)
  new DataView(relative.buffer).setBigUint64(0, BigInt(opRegionBytes), true)
  return [
    { offset: OPREGION.VERSION, bytes: version },
    { offset: OPREGION.RVDA, bytes: relative },
  ]
}

/** Parts of memory one behind the other, as they are at each read. */
function readOnlyMemory(host: RegionHost, parts: readonly Part[], patches: readonly Patch[]): Region {
  const windows = parts.map(({ address, sizeBytes }) => host.physical(address, sizeBytes))
  const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0)
  return {
    kind: { vendor: INTEL, subtype: SUBTYPE.OPREGION },
    sizeBytes,
    read(offset, out) {
      let start = 0
      for (const window of windows) {
        const from = Math.max(offset, start)
        const to = Math.min(offset + out.length, start + window.sizeBytes)
        if (from < to) window.read(from - start, out.subarray(from - offset, to - offset))
        start += window.sizeBytes
      }
      for (const patch of patches)
        for (const [at, byte] of patch.bytes.entries()) {
          const place = patch.offset + at - offset
          if (place >= 0 && place < out.length) out[place] = byte
        }
    },
  }
}

/** @throws RangeError for a function that is no such bridge: something is wrong with the platform. */
function bridgeRegion(bridge: OtherFunction, { bdf, classCode, subtype }: BridgePlace): Region {
  const found = bridge.function
  if (found.vendorId !== INTEL || found.classCode >>> 8 !== classCode)
    throw new RangeError(
      `${bdf} is not the bridge of Intel with class 0x${classCode.toString(16).padStart(4, '0')}`,
    )
  return {
    kind: { vendor: INTEL, subtype },
    sizeBytes: bridge.config.sizeBytes,
    read: (offset, out) => readConfig(bridge.config, offset, out),
  }
}

/** A byte, then two, until a dword begins; dwords; what is left by two and one. */
function readConfig(config: RegionConfig, offset: number, out: Uint8Array): void {
  for (let done = 0; done < out.length; ) {
    const at = offset + done
    const left = out.length - done
    const width = at % 4 === 0 && left >= 4 ? 4 : at % 2 === 0 && left >= 2 ? 2 : 1
    out.set(bytesOf(config.read(at, width)).subarray(0, width), done)
    done += width
  }
}

function bytesOf(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value, true)
  return bytes
}

/** What a host loads. */
const plugin: Plugin = definePlugin({
  name: '@vfiokit/region-igd',
  api: 1,
  regionProviders: [igd],
})

export default plugin
