/**
 * Extended capabilities as a user sees them, by id. What is not here, or has no length, is hidden.
 *
 * Kernel: `pci_ext_cap_length`, `vfio_ext_cap_len`, `init_pci_ext_cap_*_perm`.
 */
import type { CapabilityPermissions, ReadRegister } from './capability-permissions.ts'
import { ALL_8, ALL_32, type RegisterPermission } from './register-permissions.ts'

/** Id, version and next are read from the copy: what is hidden is skipped there. */
export const EXTENDED_HEADER: RegisterPermission = { offset: 0, widthBytes: 4, virtual: ALL_32, writable: 0 }
/** Every uncorrectable and every correctable error that has a name. */
const UNCORRECTABLE = 0x03ff_f031
const CORRECTABLE = 0xf1c1
/** Generation and checking of the end-to-end CRC. */
const ECRC_ENABLES = 0x140

const writable = (offset: number, bits: number): RegisterPermission => ({
  offset,
  widthBytes: 4,
  virtual: 0,
  writable: bits,
})

const ERROR_REPORTING: CapabilityPermissions = {
  lengthBytes: 0x2c,
  registers: [
    EXTENDED_HEADER,
    ...[4, 8, 0xc].map((offset) => writable(offset, UNCORRECTABLE)),
    ...[0x10, 0x14].map((offset) => writable(offset, CORRECTABLE)),
    writable(0x18, ECRC_ENABLES),
  ],
}

const POWER_BUDGETING: CapabilityPermissions = {
  lengthBytes: 16,
  // The kernel means the data selector here; the byte that it opens is that of the data.
  registers: [EXTENDED_HEADER, { offset: 8, widthBytes: 1, virtual: 0, writable: ALL_8 }],
}

const VIRTUAL_CHANNEL: CapabilityPermissions = { lengthBytes: virtualChannelLength }
/** The length is in the top bits of the second dword. */
const ownLength = (read: ReadRegister): number => read(4, 4) >>> 20

/** Every extended capability that is shown, by id. */
export const EXTENDED_PERMISSIONS: ReadonlyMap<number, CapabilityPermissions> = new Map<
  number,
  CapabilityPermissions
>([
  [0x01, ERROR_REPORTING],
  [0x02, VIRTUAL_CHANNEL],
  [0x03, { lengthBytes: 12 }], // serial number
  [0x04, POWER_BUDGETING],
  [0x08, VIRTUAL_CHANNEL], // of a multi-function device
  [0x09, VIRTUAL_CHANNEL], // as seen by one that also has the former
  [0x0b, { lengthBytes: ownLength, rawWrites: true }], // vendor specific
  [0x0d, { lengthBytes: accessControlLength }],
  [0x0e, { lengthBytes: 8 }], // ARI
  [0x0f, { lengthBytes: 8 }], // ATS
  [0x10, { lengthBytes: 64 }], // SR-IOV
  [0x12, { lengthBytes: 40 }], // multicast
  [0x13, { lengthBytes: 16 }], // page requests
  [0x15, { lengthBytes: (read) => 4 + 8 * (read(8, 1) >> 5) }], // resizable BARs
  [0x16, { lengthBytes: (read) => 16 + (read(4, 1) & 0x1f) + 1 }], // dynamic power allocation
  [0x17, { lengthBytes: processingHintsLength }],
  [0x18, { lengthBytes: 8 }], // latency tolerance
  [
    0x23, // designated vendor specific
    { lengthBytes: (read, { showsDvsec }) => (showsDvsec ? ownLength(read) : 0), rawWrites: true },
  ],
])

/** A dword per phase of the arbitration table that the function can have, in bits of the table. */
const PHASES = [
  [0x8, 128],
  [0x4, 64],
  [0x2, 32],
] as const

function virtualChannelLength(read: ReadRegister): number {
  const channels = 1 + (read(4, 4) & 7)
  const base = 0x10 + 12 * channels
  const ways = read(8, 4)
  const phases = PHASES.find(([bit]) => (ways & bit) !== 0)?.[1] ?? 0
  // Four bits a phase, and the table begins on a boundary of 16 bytes.
  return phases === 0 ? base : Math.ceil(base / 16) * 16 + (phases * 4) / 8
}

const EGRESS_CONTROL = 0x20

function accessControlLength(read: ReadRegister): number {
  if ((read(4, 1) & EGRESS_CONTROL) === 0) return 8
  const vectorBits = read(5, 1)
  return 8 + (vectorBits === 0 ? 256 : Math.ceil(vectorBits / 32) * 32) / 8
}

const TABLE_LOCATION = 0x600
const TABLE_IN_CAPABILITY = 0x200

function processingHintsLength(read: ReadRegister): number {
  const capabilities = read(4, 4)
  if ((capabilities & TABLE_LOCATION) !== TABLE_IN_CAPABILITY) return 12
  return 12 + 2 * (((capabilities >>> 16) & 0x7ff) + 1)
}
