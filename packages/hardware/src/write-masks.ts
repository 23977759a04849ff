/**
 * Lays the register tables over a function's configuration space: every known byte outside the header and the
 * capability bodies is plain storage, every byte inside is read-only but for the rows' bits.
 */
import { CAPABILITY_ID, EXTENDED_CAPABILITY_ID, type PciFunction } from '@vfiokit/topology'
import { registerBits, registerOffset } from './bar-resource.ts'
import type { ConfigImage } from './config-image.ts'
import type { WriteMasks } from './config-registers.ts'
import { EXTENDED_CAPABILITIES } from './extended-capability-layout.ts'
import { applyProfile, type FunctionProfile } from './function-profile.ts'
import type { BarResource } from './pci-hardware.ts'
import { type CapabilityLayout, HEADER_ROWS, type LayoutView, type RegisterRow } from './register-layout.ts'
import { STANDARD_CAPABILITIES } from './standard-capability-layout.ts'

/**
 * A capability that no table knows keeps its header read-only; its body counts as storage, as vfio-pci takes it.
 */
const UNKNOWN_CAPABILITY: Readonly<Record<'standard' | 'extended', CapabilityLayout>> = {
  standard: { length: 2, rows: [] },
  extended: { length: 4, rows: [] },
}
const HEADER_BYTES = 0x40
const EXTENDED_START = 0x100
const SRIOV_TOTAL_VFS = 0x0e
const SRIOV_BARS = 0x24

export function writeMasks(
  fn: PciFunction,
  image: ConfigImage,
  resources: readonly BarResource[],
  profile: FunctionProfile | undefined,
): WriteMasks {
  const masks = defaultWriteMasks(fn, image, resources)
  if (profile !== undefined) applyProfile(masks, profile)
  return masks
}

/** The masks by the tables alone, without a profile. */
export function defaultWriteMasks(
  fn: PciFunction,
  image: ConfigImage,
  resources: readonly BarResource[],
): WriteMasks {
  const sizeBytes = image.bytes.length
  const masks: WriteMasks = {
    rw: new Uint8Array(sizeBytes).fill(0xff, HEADER_BYTES),
    w1c: new Uint8Array(sizeBytes),
    reset: new Uint8Array(sizeBytes),
    resetTo: new Uint8Array(sizeBytes),
  }
  // The first extended header stands there even when it says that there is none.
  masks.rw.fill(0, EXTENDED_START, EXTENDED_START + 4)
  addRows(masks, HEADER_ROWS[fn.headerType]!, viewAt(fn, image.bytes, 0), 0)
  addBars(masks, fn, resources)
  for (const { id, extended, offset } of fn.capabilities) {
    const table = extended ? EXTENDED_CAPABILITIES : STANDARD_CAPABILITIES
    const layout = table.get(id) ?? UNKNOWN_CAPABILITY[extended ? 'extended' : 'standard']
    addCapability(masks, layout, viewAt(fn, image.bytes, offset), offset)
    if (extended && id === EXTENDED_CAPABILITY_ID.singleRootIoVirtualization)
      addVirtualBars(masks, viewAt(fn, image.bytes, offset), offset)
  }
  for (let offset = HEADER_BYTES; offset < sizeBytes; offset += 1) {
    if (image.known[offset] === 0) clearByte(masks, offset)
  }
  return masks
}

function viewAt(fn: PciFunction, bytes: Uint8Array, start: number): LayoutView {
  const u8 = (offset: number): number => bytes[start + offset] ?? 0
  const u16 = (offset: number): number => u8(offset) | (u8(offset + 1) << 8)
  return { fn, u8, u16, u32: (offset) => u16(offset) + u16(offset + 2) * 0x10000 }
}

function addCapability(masks: WriteMasks, layout: CapabilityLayout, view: LayoutView, start: number): void {
  const length = typeof layout.length === 'number' ? layout.length : layout.length(view)
  masks.rw.fill(0, start, start + length)
  addRows(masks, layout.rows, view, start)
}

function addRows(masks: WriteMasks, rows: readonly RegisterRow[], view: LayoutView, start: number): void {
  for (const row of rows) {
    const offset = start + (typeof row.offset === 'number' ? row.offset : row.offset(view))
    const rw = typeof row.rw === 'function' ? row.rw(view) : (row.rw ?? 0)
    const w1c = typeof row.w1c === 'function' ? row.w1c(view) : (row.w1c ?? 0)
    orBits(masks.rw, offset, row.widthBytes, rw)
    orBits(masks.w1c, offset, row.widthBytes, w1c)
    if (row.reset === undefined) continue
    orBits(masks.reset, offset, row.widthBytes, (rw | w1c) >>> 0)
    orBits(masks.resetTo, offset, row.widthBytes, row.reset)
  }
}

/**
 * BAR registers store the address bits above the size. A virtual function has none (the physical function's SR-IOV
 * capability places its BARs), nor has one whose places are fixed by Enhanced Allocation.
 */
function addBars(masks: WriteMasks, fn: PciFunction, resources: readonly BarResource[]): void {
  const fixed = fn.capabilities.some(
    ({ id, extended }) => !extended && id === CAPABILITY_ID.enhancedAllocation,
  )
  if (fn.physfn !== undefined || fixed) return
  for (const resource of resources) {
    const offset = registerOffset(resource.bar, fn.headerType)
    if (offset !== undefined) addBar(masks, offset, resource)
  }
}

function addBar(masks: WriteMasks, offset: number, bar: Omit<BarResource, 'start'>): void {
  const { addressLow, addressHigh, enable } = registerBits(bar)
  for (const mask of [masks.rw, masks.reset]) {
    orBits(mask, offset, 4, (addressLow | enable) >>> 0)
    if (addressHigh !== 0) orBits(mask, offset + 4, 4, addressHigh)
  }
}

/** VF BAR registers in the SR-IOV capability: one register places that BAR of all TotalVFs functions. */
function addVirtualBars(masks: WriteMasks, view: LayoutView, start: number): void {
  const totalVfs = view.u16(SRIOV_TOTAL_VFS)
  for (const { index, kind, width, prefetchable, sizeBytes } of view.fn.vfBars) {
    if (index === 'rom' || sizeBytes === undefined || totalVfs === 0) continue
    const each = {
      bar: index,
      kind,
      width: index === 5 ? (32 as const) : width,
      prefetchable,
      sizeBytes: Math.floor(sizeBytes / totalVfs),
    }
    addBar(masks, start + SRIOV_BARS + 4 * index, each)
  }
}

function orBits(mask: Uint8Array, offset: number, widthBytes: number, bits: number): void {
  for (let byte = 0; byte < widthBytes && offset + byte < mask.length; byte += 1) {
    mask[offset + byte] = mask[offset + byte]! | ((bits >>> (8 * byte)) & 0xff)
  }
}

function clearByte(masks: WriteMasks, offset: number): void {
  masks.rw[offset] = 0
  masks.w1c[offset] = 0
  masks.reset[offset] = 0
}
