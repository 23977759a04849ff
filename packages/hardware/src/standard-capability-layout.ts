/** Register rows of the standard capabilities, by id; see register-layout for what a row says. */
import type { CapabilityLayout, LayoutView } from './register-layout.ts'

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
          { name: 'device control', offset: 8, widthBytes: 2, rw: errorBits },
          { name: 'device status', offset: 10, widthBytes: 2, w1c: errorBits },
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
