/**
 * Register layout: which bits of the header and of each capability software may change, and what a reset does to
 * them. Tables only; {@link defaultWriteMasks} lays them over a function's configuration space.
 *
 * A row's `rw` bits store what is written, `w1c` bits are cleared by writing 1, all others of a described register
 * are read-only. `reset` is the value that FLR and bus reset give the row's bits; without it they survive. Where a
 * bit exists only with some capability bit, the row computes it. Bodies end at `length`; what lies outside every
 * body is plain storage (devices hide registers there), which no reset touches.
 *
 * Sources: PCI Express Base 6.0 chapter 7, PCI Local Bus 3.0 chapter 6, and what QEMU's devices were measured to
 * do where the specification leaves a choice (device control stores its low four bits and survives a reset).
 */
import type { PciFunction } from '@vfiokit/topology'

/** Reads the bytes of one structure; offsets count from its start, bytes outside configuration space are 0. */
export interface LayoutView {
  readonly fn: PciFunction
  u8(offset: number): number
  u16(offset: number): number
  u32(offset: number): number
}

type Computed = number | ((view: LayoutView) => number)

export interface RegisterRow {
  readonly name: string
  readonly offset: number | ((view: LayoutView) => number)
  readonly widthBytes: 1 | 2 | 4
  readonly rw?: Computed
  readonly w1c?: Computed
  readonly reset?: number
}

export interface CapabilityLayout {
  readonly length: Computed
  readonly rows: readonly RegisterRow[]
}

/** A capability that no table knows keeps its header read-only; its body counts as storage, as vfio-pci takes it. */
export const UNKNOWN_CAPABILITY: {
  readonly standard: CapabilityLayout
  readonly extended: CapabilityLayout
} = {
  standard: { length: 2, rows: [] },
  extended: { length: 4, rows: [] },
}

/** Bridge control, memory enable and the like are bits of other files' business too. */
export const COMMAND = 0x04
export const COMMAND_IO = 0x1
export const COMMAND_MEMORY = 0x2
export const COMMAND_MASTER = 0x4
export const BRIDGE_CONTROL = 0x3e
export const BRIDGE_CONTROL_BUS_RESET = 0x40

const COMMON: readonly RegisterRow[] = [
  { name: 'command', offset: COMMAND, widthBytes: 2, rw: 0x0507, reset: 0 },
  { name: 'status', offset: 0x06, widthBytes: 2, w1c: 0xf900, reset: 0 },
  { name: 'cache line size', offset: 0x0c, widthBytes: 1, rw: 0xff, reset: 0 },
  { name: 'interrupt line', offset: 0x3c, widthBytes: 1, rw: 0xff, reset: 0 },
]

/** Below a PCIe port there is a link; the latency timer and the conventional control bits have nothing to act on. */
function conventionalBelow(view: LayoutView): boolean {
  return view.fn.pcie === undefined || view.fn.pcie.type === 'pcie-to-pci-bridge'
}

const nibble = (view: LayoutView, offset: number): number => view.u8(offset) & 0xf

const BRIDGE: readonly RegisterRow[] = [
  { name: 'primary bus', offset: 0x18, widthBytes: 1, rw: 0xff, reset: 0 },
  { name: 'secondary bus', offset: 0x19, widthBytes: 1, rw: 0xff, reset: 0 },
  { name: 'subordinate bus', offset: 0x1a, widthBytes: 1, rw: 0xff, reset: 0 },
  {
    name: 'secondary latency',
    offset: 0x1b,
    widthBytes: 1,
    rw: (view) => (conventionalBelow(view) ? 0xff : 0),
    reset: 0,
  },
  { name: 'I/O window', offset: 0x1c, widthBytes: 2, rw: 0xf0f0, reset: 0 },
  { name: 'memory window', offset: 0x20, widthBytes: 4, rw: 0xfff0fff0, reset: 0 },
  { name: 'prefetchable window', offset: 0x24, widthBytes: 4, rw: 0xfff0fff0, reset: 0 },
  {
    name: 'prefetchable base upper',
    offset: 0x28,
    widthBytes: 4,
    rw: (view) => (nibble(view, 0x24) === 1 ? 0xffffffff : 0),
    reset: 0,
  },
  {
    name: 'prefetchable limit upper',
    offset: 0x2c,
    widthBytes: 4,
    rw: (view) => (nibble(view, 0x24) === 1 ? 0xffffffff : 0),
    reset: 0,
  },
  {
    name: 'I/O window upper',
    offset: 0x30,
    widthBytes: 4,
    rw: (view) => (nibble(view, 0x1c) === 1 ? 0xffffffff : 0),
    reset: 0,
  },
  {
    name: 'bridge control',
    offset: BRIDGE_CONTROL,
    widthBytes: 2,
    rw: (view) => (conventionalBelow(view) ? 0x0bbf : 0x001f) | BRIDGE_CONTROL_BUS_RESET,
    w1c: 0x0400,
    reset: 0,
  },
]

const CARDBUS: readonly RegisterRow[] = [
  { name: 'bus numbers', offset: 0x18, widthBytes: 4, rw: 0xffffffff, reset: 0 },
  ...[0x1c, 0x20, 0x24, 0x28].map(
    (offset): RegisterRow => ({ name: 'memory window', offset, widthBytes: 4, rw: 0xfffff000, reset: 0 }),
  ),
  ...[0x2c, 0x30, 0x34, 0x38].map(
    (offset): RegisterRow => ({ name: 'I/O window', offset, widthBytes: 4, rw: 0xfffffffc, reset: 0 }),
  ),
  { name: 'bridge control', offset: BRIDGE_CONTROL, widthBytes: 2, rw: 0x0700 | 0xef, reset: 0 },
]

/** By header type; BAR and ROM registers come from the resources, see write-masks. */
export const HEADER_ROWS: readonly (readonly RegisterRow[])[] = [
  COMMON,
  [...COMMON, ...BRIDGE],
  [...COMMON, ...CARDBUS],
]

const PME_SUPPORT = 0xf800
const hasPme = (view: LayoutView): boolean => (view.u16(2) & PME_SUPPORT) !== 0

const MSI_64BIT = 0x80
const MSI_PER_VECTOR_MASK = 0x100
const isMsi64 = (view: LayoutView): boolean => (view.u16(2) & MSI_64BIT) !== 0
const msiHasMask = (view: LayoutView): boolean => (view.u16(2) & MSI_PER_VECTOR_MASK) !== 0
const msiLength = (view: LayoutView): number => (isMsi64(view) ? 14 : 10) + (msiHasMask(view) ? 10 : 0)

/** One bit per vector that the function can have: 2 to the power of flags bits 1-3. */
function msiVectorBits(view: LayoutView): number {
  if (!msiHasMask(view)) return 0
  return (Number((1n << (1n << BigInt((view.u16(2) >>> 1) & 7))) & 0xffffffffn) - 1) >>> 0
}

const isPort = (view: LayoutView): boolean =>
  view.fn.pcie?.type === 'root-port' || view.fn.pcie?.type === 'downstream-port'
const hasSlot = (view: LayoutView): boolean => isPort(view) && (view.u16(2) & 0x100) !== 0
/** Error reporting enables and their status; a virtual function leaves both to its physical function. */
const errorBits = (view: LayoutView): number => (view.fn.physfn === undefined ? 0x000f : 0)
/** Version 1 has no second set of registers, and only ports have slot and root registers. */
const pcieLength = (view: LayoutView): number => {
  if ((view.u16(2) & 0xf) >= 2) return 60
  return isPort(view) ? 36 : 20
}

export const STANDARD_CAPABILITIES: ReadonlyMap<number, CapabilityLayout> = new Map<number, CapabilityLayout>(
  [
    [
      0x01,
      {
        length: 8,
        rows: [
          { name: 'power state', offset: 4, widthBytes: 2, rw: 0x0003, reset: 0 },
          {
            name: 'power management events',
            offset: 4,
            widthBytes: 2,
            rw: (view) => (hasPme(view) ? 0x0100 : 0),
            w1c: (view) => (hasPme(view) ? 0x8000 : 0),
          },
        ],
      },
    ],
    [0x02, { length: 12, rows: [{ name: 'AGP command', offset: 8, widthBytes: 4, rw: 0xff000337 }] }],
    [
      0x03,
      {
        length: 8,
        rows: [
          { name: 'VPD address', offset: 2, widthBytes: 2, rw: 0xffff },
          { name: 'VPD data', offset: 4, widthBytes: 4, rw: 0xffffffff },
        ],
      },
    ],
    [0x04, { length: 4, rows: [{ name: 'chassis number', offset: 3, widthBytes: 1, rw: 0xff }] }],
    [
      0x05,
      {
        length: msiLength,
        rows: [
          { name: 'MSI flags', offset: 2, widthBytes: 2, rw: 0x0071, reset: 0 },
          { name: 'MSI address', offset: 4, widthBytes: 4, rw: 0xfffffffc, reset: 0 },
          {
            name: 'MSI address upper',
            offset: 8,
            widthBytes: 4,
            rw: (view) => (isMsi64(view) ? 0xffffffff : 0),
            reset: 0,
          },
          {
            name: 'MSI data',
            offset: (view) => (isMsi64(view) ? 12 : 8),
            widthBytes: 2,
            rw: 0xffff,
            reset: 0,
          },
          {
            name: 'MSI mask',
            offset: (view) => (isMsi64(view) ? 16 : 12),
            widthBytes: 4,
            rw: msiVectorBits,
            reset: 0,
          },
        ],
      },
    ],
    [0x07, { length: 8, rows: [{ name: 'PCI-X command', offset: 2, widthBytes: 2, rw: 0x007f, reset: 0 }] }],
    [0x08, { length: (view) => ((view.u16(2) & 0xe000) !== 0 ? 24 : 28), rows: [] }],
    [0x09, { length: (view) => Math.max(3, view.u8(2)), rows: [] }],
    [
      0x0c,
      {
        length: 8,
        rows: [
          { name: 'SHPC dword select', offset: 2, widthBytes: 1, rw: 0xff },
          { name: 'SHPC data', offset: 4, widthBytes: 4, rw: 0xffffffff },
        ],
      },
    ],
    [0x0d, { length: 8, rows: [] }],
    [
      0x10,
      {
        length: pcieLength,
        rows: [
          // Bit 15 starts an FLR and always reads 0: see triggers.
          { name: 'device control', offset: 8, widthBytes: 2, rw: 0x000f },
          { name: 'device status', offset: 10, widthBytes: 2, w1c: 0x000f },
          {
            name: 'slot control',
            offset: 0x18,
            widthBytes: 2,
            rw: (view) => (hasSlot(view) ? 0x07f9 : 0),
            reset: 0x03c0,
          },
          { name: 'slot status', offset: 0x1a, widthBytes: 2, w1c: (view) => (hasSlot(view) ? 0x0019 : 0) },
          {
            name: 'root control',
            offset: 0x1c,
            widthBytes: 2,
            rw: (view) => (view.fn.pcie?.type === 'root-port' ? 0x0007 : 0),
          },
          {
            // ARI forwarding (bit 5) and end-end TLP prefix blocking (bit 15), where device capabilities 2 has them.
            name: 'device control 2',
            offset: 0x28,
            widthBytes: 2,
            rw: (view) =>
              pcieLength(view) < 60
                ? 0
                : (view.u32(0x24) & 0x20) | ((view.u32(0x24) & 0x200000) !== 0 ? 0x8000 : 0),
          },
        ],
      },
    ],
    [0x11, { length: 12, rows: [{ name: 'MSI-X flags', offset: 2, widthBytes: 2, rw: 0xc000, reset: 0 }] }],
    [0x12, { length: (view) => ((view.u32(4) & 0xf) === 0xf ? 16 : 8), rows: [] }],
    // AF control bit 0 starts an FLR and reads 0.
    [0x13, { length: 6, rows: [] }],
    [0x14, { length: 4, rows: [] }],
  ],
)

/** Uncorrectable errors that exist, and correctable ones. */
const UNCORRECTABLE = 0x03fff030
const CORRECTABLE = 0x0000f1c1

/** Each enable bit exists when the capable bit just below it is set: ECRC generation, checking, multiple headers. */
function aerControl(view: LayoutView): number {
  return ((view.u32(0x18) & 0x2a0) << 1) & 0x540
}

export const EXTENDED_CAPABILITIES: ReadonlyMap<number, CapabilityLayout> = new Map<number, CapabilityLayout>(
  [
    [
      0x01,
      {
        length: (view) => (((view.u32(0) >>> 16) & 0xf) >= 2 ? 0x48 : 0x40),
        rows: [
          { name: 'uncorrectable status', offset: 4, widthBytes: 4, w1c: UNCORRECTABLE },
          { name: 'uncorrectable mask', offset: 8, widthBytes: 4, rw: UNCORRECTABLE },
          { name: 'uncorrectable severity', offset: 0x0c, widthBytes: 4, rw: UNCORRECTABLE },
          { name: 'correctable status', offset: 0x10, widthBytes: 4, w1c: CORRECTABLE },
          { name: 'correctable mask', offset: 0x14, widthBytes: 4, rw: CORRECTABLE },
          { name: 'AER control', offset: 0x18, widthBytes: 4, rw: aerControl },
          {
            name: 'root error command',
            offset: 0x2c,
            widthBytes: 4,
            rw: (view) => (view.fn.pcie?.type === 'root-port' ? 7 : 0),
          },
          {
            name: 'root error status',
            offset: 0x30,
            widthBytes: 4,
            w1c: (view) => (view.fn.pcie?.type === 'root-port' ? 0x7f : 0),
          },
        ],
      },
    ],
    [0x03, { length: 12, rows: [] }],
    [0x04, { length: 16, rows: [{ name: 'power data select', offset: 4, widthBytes: 1, rw: 0xff }] }],
    [0x0b, { length: (view) => Math.max(8, view.u32(4) >>> 20), rows: [] }],
    [
      0x0d,
      {
        length: 8,
        rows: [{ name: 'ACS control', offset: 6, widthBytes: 2, rw: (view) => view.u16(4) & 0x7f }],
      },
    ],
    [
      0x0e,
      { length: 8, rows: [{ name: 'ARI control', offset: 6, widthBytes: 2, rw: (view) => view.u16(4) & 3 }] },
    ],
    [0x0f, { length: 8, rows: [{ name: 'ATS control', offset: 6, widthBytes: 2, rw: 0x801f, reset: 0 }] }],
    [
      0x10,
      {
        length: 0x40,
        rows: [
          // VF enable, VF memory enable, ARI hierarchy.
          { name: 'SR-IOV control', offset: 8, widthBytes: 2, rw: 0x0019, reset: 0 },
          { name: 'NumVFs', offset: 0x10, widthBytes: 2, rw: 0xffff, reset: 0 },
          {
            name: 'system page size',
            offset: 0x20,
            widthBytes: 4,
            rw: (view) => view.u32(0x1c),
            reset: 1,
          },
        ],
      },
    ],
    [0x13, { length: 16, rows: [{ name: 'PRI control', offset: 4, widthBytes: 2, rw: 1, reset: 0 }] }],
    [0x15, { length: (view) => 4 + 8 * ((view.u32(8) >>> 5) & 7), rows: [] }],
    [0x17, { length: 12, rows: [] }],
    [
      0x18,
      { length: 8, rows: [{ name: 'LTR latencies', offset: 4, widthBytes: 4, rw: 0x1fff1fff, reset: 0 }] },
    ],
    [
      0x1b,
      {
        length: 8,
        rows: [
          { name: 'PASID control', offset: 6, widthBytes: 2, rw: (view) => (view.u16(4) & 6) | 1, reset: 0 },
        ],
      },
    ],
    [0x1e, { length: 16, rows: [] }],
    [0x1f, { length: 12, rows: [{ name: 'PTM control', offset: 8, widthBytes: 4, rw: 0xff03 }] }],
    [0x23, { length: (view) => Math.max(10, view.u32(4) >>> 20), rows: [] }],
  ],
)
