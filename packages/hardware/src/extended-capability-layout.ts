/** Register rows of the extended capabilities, by id; see register-layout for what a row says. */
import type { CapabilityLayout, LayoutView } from './register-layout.ts'

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
