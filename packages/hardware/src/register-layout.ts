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

/** Bridge control, memory enable and the like are bits of other files' business too. */
export const COMMAND = 0x04
export const COMMAND_IO = 0x1
export const COMMAND_MEMORY = 0x2
export const COMMAND_MASTER = 0x4
export const COMMAND_INTX_DISABLE = 0x400
export const STATUS = 0x06
export const STATUS_INTX = 0x8
export const BRIDGE_CONTROL = 0x3e
export const BRIDGE_CONTROL_BUS_RESET = 0x40

const COMMON: readonly RegisterRow[] = [
  { name: 'command', offset: COMMAND, widthBytes: 2, rw: 0x0507, reset: 0 },
  { name: 'status', offset: STATUS, widthBytes: 2, w1c: 0xf900, reset: 0 },
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
