/**
 * Standard capabilities as a user sees them: one entry each, lengths and registers by what the function has.
 *
 * A capability that is not here is hidden: the pointer before it skips it, and its bytes are passed
 * through like any other unclaimed ones. Kernel: `pci_cap_length`, `vfio_cap_len`, `init_pci_cap_*_perm`.
 */
import { CAPABILITY_ID } from '@vfiokit/topology'
import { ALL_8, ALL_16, ALL_32, type RegisterPermission } from './register-permissions.ts'

/** Reads a register of a capability, by its offset in it. */
export type ReadRegister = (offset: number, widthBytes: 1 | 2 | 4) => number

/** How one standard capability is shown. */
export interface CapabilityPermissions {
  readonly lengthBytes: number | ((read: ReadRegister) => number)
  readonly registers: readonly RegisterPermission[] | ((read: ReadRegister) => readonly RegisterPermission[])
}

/** PM control bits. */
export const PM_CONTROL = { OFFSET: 4, STATE: 0x3, PME_ENABLE: 0x100, PME_STATUS: 0x8000 } as const
/** MSI flags. */
export const MSI = { FLAGS: 2, ENABLE: 0x1, QUEUE_SIZE: 0x70, WIDE: 0x80, MASKABLE: 0x100 } as const
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

const ID = {
  agp: 0x02,
  vpd: 0x03,
  hyperTransport: 0x08,
  sata: 0x12,
} as const

/** Id and next pointer are read from the copy, whatever the rest is. */
const LIST_HEADER: RegisterPermission = { offset: 0, widthBytes: 2, virtual: ALL_16, writable: 0 }
const PME = PM_CONTROL.PME_ENABLE | PM_CONTROL.PME_STATUS
const PME_SUPPORT = 0xf800
const ARI_FORWARDING = 0x0020

const readOnly = (lengthBytes: CapabilityPermissions['lengthBytes']): CapabilityPermissions => ({
  lengthBytes,
  registers: [LIST_HEADER],
})

/** Every standard capability that is shown, by id. */
export const CAPABILITY_PERMISSIONS: ReadonlyMap<number, CapabilityPermissions> = new Map([
  [
    CAPABILITY_ID.powerManagement,
    {
      lengthBytes: 8,
      registers: [
        LIST_HEADER,
        { offset: 2, widthBytes: 2, virtual: PME_SUPPORT, writable: 0, absent: PME_SUPPORT },
        {
          offset: PM_CONTROL.OFFSET,
          widthBytes: 4,
          virtual: PME,
          writable: ALL_32 & ~(PM_CONTROL.STATE | PME),
          absent: PME,
        },
      ],
    },
  ],
  [ID.agp, readOnly(12)],
  // Address and data are the user's own; nothing runs a transfer yet, so the flag never toggles.
  [
    ID.vpd,
    {
      lengthBytes: 8,
      registers: [
        LIST_HEADER,
        { offset: 2, widthBytes: 2, virtual: ALL_16, writable: ALL_16 },
        { offset: 4, widthBytes: 4, virtual: ALL_32, writable: ALL_32 },
      ],
    },
  ],
  [CAPABILITY_ID.msi, { lengthBytes: msiLength, registers: msiRegisters }],
  [
    CAPABILITY_ID.pciX,
    {
      lengthBytes: (read) => ((read(2, 2) & 0x3000) === 0 ? 8 : 24),
      registers: [
        LIST_HEADER,
        { offset: 2, widthBytes: 2, virtual: 0, writable: ALL_16 },
        { offset: 8, widthBytes: 4, virtual: 0, writable: ALL_32 },
      ],
    },
  ],
  [ID.hyperTransport, readOnly((read) => ((read(2, 2) & 0xe000) === 0 ? 28 : 24))],
  [CAPABILITY_ID.vendorSpecific, { lengthBytes: vendorLength, registers: vendorRegisters }],
  [
    CAPABILITY_ID.pciExpress,
    {
      lengthBytes: (read) => ((read(2, 1) & 0xf) < 2 ? 20 : 52),
      registers: [
        LIST_HEADER,
        {
          offset: EXP.DEVICE_CONTROL,
          widthBytes: 2,
          virtual: EXP.FLR | EXP.PAYLOAD | EXP.READ_REQUEST,
          writable: ALL_16 & ~EXP.PHANTOM,
        },
        { offset: 0x28, widthBytes: 2, virtual: 0, writable: ALL_16 & ~ARI_FORWARDING },
      ],
    },
  ],
  // Enabled and masked by ioctl only.
  [CAPABILITY_ID.msiX, readOnly(12)],
  [ID.sata, readOnly((read) => ((read(4, 4) & 0xf) === 0xf ? 16 : 8))],
  [
    CAPABILITY_ID.advancedFeatures,
    {
      lengthBytes: 6,
      registers: [LIST_HEADER, { offset: AF.CONTROL, widthBytes: 1, virtual: AF.FLR, writable: AF.FLR }],
    },
  ],
] satisfies readonly (readonly [number, CapabilityPermissions])[])

function msiLength(read: ReadRegister): number {
  const flags = read(MSI.FLAGS, 2)
  return 10 + ((flags & MSI.WIDE) === 0 ? 0 : 4) + ((flags & MSI.MASKABLE) === 0 ? 0 : 10)
}

function msiRegisters(read: ReadRegister): readonly RegisterPermission[] {
  const flags = read(MSI.FLAGS, 2)
  const wide = (flags & MSI.WIDE) !== 0
  const own = (offset: number, widthBytes: 1 | 2 | 4, bits: number): RegisterPermission => ({
    offset,
    widthBytes,
    virtual: bits,
    writable: bits,
  })
  const mask = wide ? 16 : 12
  const toHardware = { widthBytes: 4, virtual: 0, writable: ALL_32 } as const
  return [
    LIST_HEADER,
    own(MSI.FLAGS, 1, ALL_8),
    own(4, 4, ALL_32),
    ...(wide ? [own(8, 4, ALL_32), own(12, 2, ALL_16)] : [own(8, 2, ALL_16)]),
    ...((flags & MSI.MASKABLE) === 0
      ? []
      : [
          { offset: mask, ...toHardware },
          { offset: mask + 4, ...toHardware },
        ]),
  ]
}

/** It says its own length; 0 to 2 would not even cover the byte that says so. */
function vendorLength(read: ReadRegister): number {
  return Math.max(3, read(2, 1))
}

function vendorRegisters(read: ReadRegister): readonly RegisterPermission[] {
  const body = Array.from(
    { length: vendorLength(read) - 2 },
    (_, at): RegisterPermission => ({ offset: 2 + at, widthBytes: 1, virtual: 0, writable: ALL_8 }),
  )
  return [LIST_HEADER, ...body]
}
