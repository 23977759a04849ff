/**
 * Who answers for each register of configuration space: tables, a register a row.
 *
 *   virtual    these bits are read from (and written to) the copy that the user sees
 *   writable   these bits can be written at all; without `virtual` they go to the hardware
 *
 * Kernel: `init_pci_cap_*_perm` in vfio_pci_config.c.
 */
import { CAPABILITY_ID } from '@vfiokit/topology'

/** One register. */
export interface RegisterPermission {
  /** From the start of the header or capability, in bytes. */
  readonly offset: number
  readonly widthBytes: 1 | 2 | 4
  readonly virtual: number
  readonly writable: number
}

const ALL_8 = 0xff
const ALL_16 = 0xffff
const ALL_32 = 0xffff_ffff

/** Command register bits. */
export const COMMAND = { IO: 0x1, MEMORY: 0x2, MASTER: 0x4, INTX_DISABLE: 0x400 } as const
/** Offsets in the type-0 header. */
export const HEADER = { COMMAND: 0x04, STATUS: 0x06, BAR0: 0x10, ROM: 0x30, CAPABILITIES: 0x34 } as const

/** The type-0 header; what is not here is read from hardware and cannot be written. */
export const HEADER_PERMISSIONS: readonly RegisterPermission[] = [
  { offset: 0x00, widthBytes: 4, virtual: ALL_32, writable: 0 }, // vendor and device id
  { offset: 0x04, widthBytes: 2, virtual: COMMAND.INTX_DISABLE, writable: ALL_16 },
  { offset: 0x06, widthBytes: 2, virtual: 0x10, writable: 0 }, // capability list bit
  { offset: 0x0c, widthBytes: 1, virtual: 0, writable: ALL_8 }, // cache line size
  { offset: 0x0d, widthBytes: 1, virtual: 0, writable: ALL_8 }, // latency timer
  { offset: 0x0f, widthBytes: 1, virtual: 0, writable: ALL_8 }, // BIST
  ...[0x10, 0x14, 0x18, 0x1c, 0x20, 0x24, 0x30].map(
    (offset): RegisterPermission => ({ offset, widthBytes: 4, virtual: ALL_32, writable: ALL_32 }),
  ),
  { offset: 0x34, widthBytes: 1, virtual: ALL_8, writable: 0 },
  { offset: 0x3c, widthBytes: 1, virtual: ALL_8, writable: ALL_8 }, // interrupt line: scratch
  { offset: 0x3d, widthBytes: 1, virtual: ALL_8, writable: 0 },
]

/** How one standard capability is shown. */
export interface CapabilityPermissions {
  readonly lengthBytes: number
  readonly registers: readonly RegisterPermission[]
}

const NEXT: RegisterPermission = { offset: 1, widthBytes: 1, virtual: ALL_8, writable: 0 }

/** PM control bits. */
export const PM_CONTROL = { OFFSET: 4, STATE: 0x3, PME_ENABLE: 0x100, PME_STATUS: 0x8000 } as const
/** PCIe device control and capability bits. */
export const EXP = {
  DEVICE_CAPABILITIES: 4,
  HAS_FLR: 0x1000_0000,
  DEVICE_CONTROL: 8,
  FLR: 0x8000,
  PAYLOAD: 0x00e0,
  READ_REQUEST: 0x7000,
  PHANTOM: 0x0200,
} as const
/** Advanced features: capability and control bytes. */
export const AF = { CAPABILITIES: 3, HAS_TP_AND_FLR: 0x3, CONTROL: 4, FLR: 0x1 } as const

const FLR_BITS = EXP.FLR | EXP.PAYLOAD | EXP.READ_REQUEST

/**
 * Standard capabilities that are shown. One that is not here is hidden: the pointer before it skips
 * it, and its bytes are passed through like any other unclaimed ones.
 */
export const CAPABILITY_PERMISSIONS: ReadonlyMap<number, CapabilityPermissions> = new Map<
  number,
  CapabilityPermissions
>([
  [
    CAPABILITY_ID.powerManagement,
    {
      lengthBytes: 8,
      registers: [
        NEXT,
        { offset: 2, widthBytes: 2, virtual: 0xf800, writable: 0 },
        {
          offset: PM_CONTROL.OFFSET,
          widthBytes: 2,
          virtual: PM_CONTROL.PME_ENABLE | PM_CONTROL.PME_STATUS,
          writable: ALL_16 & ~(PM_CONTROL.STATE | PM_CONTROL.PME_ENABLE | PM_CONTROL.PME_STATUS),
        },
      ],
    },
  ],
  [CAPABILITY_ID.msi, { lengthBytes: 24, registers: [NEXT] }],
  [CAPABILITY_ID.msiX, { lengthBytes: 12, registers: [NEXT] }],
  [
    CAPABILITY_ID.pciExpress,
    {
      lengthBytes: 52,
      registers: [
        NEXT,
        {
          offset: EXP.DEVICE_CONTROL,
          widthBytes: 2,
          virtual: FLR_BITS,
          writable: ALL_16 & ~EXP.PHANTOM,
        },
        { offset: 0x28, widthBytes: 2, virtual: 0, writable: ALL_16 & ~0x0020 },
      ],
    },
  ],
  [
    CAPABILITY_ID.advancedFeatures,
    {
      lengthBytes: 6,
      registers: [NEXT, { offset: AF.CONTROL, widthBytes: 1, virtual: AF.FLR, writable: AF.FLR }],
    },
  ],
])
