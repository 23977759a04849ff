/**
 * Who answers for each register of configuration space: tables, a register a row.
 *
 *   virtual    these bits are read from (and written to) the copy that the user sees
 *   writable   these bits can be written at all; without `virtual` they go to the hardware
 *   absent     virtual bits that begin as 0 in the copy, whatever the hardware says
 *
 * Kernel: `init_pci_cap_*_perm` in vfio_pci_config.c.
 */

/** One register. */
export interface RegisterPermission {
  /** From the start of the header or capability, in bytes. */
  readonly offset: number
  readonly widthBytes: 1 | 2 | 4
  readonly virtual: number
  readonly writable: number
  readonly absent?: number
}

export const ALL_8 = 0xff
export const ALL_16 = 0xffff
export const ALL_32 = 0xffff_ffff

/** Command register bits. */
export const COMMAND = { IO: 0x1, MEMORY: 0x2, MASTER: 0x4, INTX_DISABLE: 0x400 } as const
/** Status register bits. */
export const STATUS = { CAPABILITY_LIST: 0x10 } as const
/** Offsets in the type-0 header. */
export const HEADER = {
  COMMAND: 0x04,
  STATUS: 0x06,
  BAR0: 0x10,
  ROM: 0x30,
  CAPABILITIES: 0x34,
  INTERRUPT_PIN: 0x3d,
} as const

/** The type-0 header; what is not here is read from hardware and cannot be written. */
export const HEADER_PERMISSIONS: readonly RegisterPermission[] = [
  { offset: 0x00, widthBytes: 4, virtual: ALL_32, writable: 0 }, // vendor and device id
  { offset: HEADER.COMMAND, widthBytes: 2, virtual: COMMAND.INTX_DISABLE, writable: ALL_16 },
  { offset: HEADER.STATUS, widthBytes: 2, virtual: STATUS.CAPABILITY_LIST, writable: 0 },
  { offset: 0x0c, widthBytes: 1, virtual: 0, writable: ALL_8 }, // cache line size
  { offset: 0x0d, widthBytes: 1, virtual: 0, writable: ALL_8 }, // latency timer
  { offset: 0x0f, widthBytes: 1, virtual: 0, writable: ALL_8 }, // BIST
  ...[0x10, 0x14, 0x18, 0x1c, 0x20, 0x24, HEADER.ROM].map(
    (offset): RegisterPermission => ({ offset, widthBytes: 4, virtual: ALL_32, writable: ALL_32 }),
  ),
  { offset: HEADER.CAPABILITIES, widthBytes: 1, virtual: ALL_8, writable: 0 },
  { offset: 0x3c, widthBytes: 1, virtual: ALL_8, writable: ALL_8 }, // interrupt line: scratch
  { offset: HEADER.INTERRUPT_PIN, widthBytes: 1, virtual: ALL_8, writable: 0 },
]
