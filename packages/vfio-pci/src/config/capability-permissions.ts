/**
 * Standard capabilities as a user sees them: one entry each, lengths and registers by what the function has.
 *
 * A capability that is not here, or has no length, is hidden: the pointer before it skips it, and its
 * bytes are passed through like any other unclaimed ones. Kernel: `pci_cap_length`, `vfio_cap_len`,
 * `init_pci_cap_*_perm`.
 */
import { CAPABILITY_ID } from '@vfiokit/topology'
import type { KernelProfile } from '@vfiokit/vfio-core'
import { ALL_8, ALL_16, ALL_32, type RegisterPermission } from './register-permissions.ts'

/** Reads a register of a capability, by its offset in it; 0 behind the end of the space. */
export type ReadRegister = (offset: number, widthBytes: 1 | 2 | 4) => number

/** What kernels differ in. */
export type ConfigKernel = Pick<KernelProfile, 'hidesPme' | 'pcieCapabilityBytes' | 'showsDvsec'>

/** How one capability is shown. */
export interface CapabilityPermissions {
  /** 0 hides it. */
  readonly lengthBytes: number | ((read: ReadRegister, kernel: ConfigKernel) => number)
  /** Absent: everything is read from the hardware, but for the place in the list. */
  readonly registers?:
    | readonly RegisterPermission[]
    | ((read: ReadRegister, kernel: ConfigKernel) => readonly RegisterPermission[])
  /** Writes go to the hardware as they are; without this and `registers` they are dropped. */
  readonly rawWrites?: true
}

/** PM control bits. */
export const PM_CONTROL = { OFFSET: 4, STATE: 0x3, PME_ENABLE: 0x100, PME_STATUS: 0x8000 } as const
/** MSI flags. */
export const MSI = {
  FLAGS: 2,
  ENABLE: 0x1,
  QUEUE_SIZE: 0x70,
  QUEUE_SHIFT: 4,
  WIDE: 0x80,
  MASKABLE: 0x100,
} as const
/** PCIe device control and capability bits. */
export const EXP = {
  DEVICE_CAPABILITIES: 4,
  HAS_FLR: 0x1000_0000,
  DEVICE_CONTROL: 8,
  FLR: 0x8000,
  PAYLOAD: 0x00e0,
  PAYLOAD_SHIFT: 5,
  READ_REQUEST: 0x7000,
  READ_REQUEST_SHIFT: 12,
  PHANTOM: 0x0200,
} as const
/** Advanced features: capability and control bytes. */
export const AF = { CAPABILITIES: 3, HAS_TP_AND_FLR: 0x3, CONTROL: 4, FLR: 0x1 } as const
/** VPD: the flag of the address says which way the data goes, and turns when it has gone. */
export const VPD = { ID: 0x03, ADDRESS: 2, FLAG: 0x8000, DATA: 4 } as const

const ID = { agp: 0x02, hyperTransport: 0x08, sata: 0x12 } as const

/** The next pointer is read from the copy: what is hidden is skipped there. */
export const NEXT: RegisterPermission = { offset: 1, widthBytes: 1, virtual: ALL_8, writable: 0 }
const PME = PM_CONTROL.PME_ENABLE | PM_CONTROL.PME_STATUS
const PME_SUPPORT = 0xf800
const ARI_FORWARDING = 0x0020
/** Device type in the PCIe flags: a root complex integrated endpoint, which has no link registers. */
const INTEGRATED_ENDPOINT = 9

/** Every standard capability that is shown, by id. */
export const CAPABILITY_PERMISSIONS: ReadonlyMap<number, CapabilityPermissions> = new Map<
  number,
  CapabilityPermissions
>([
  [CAPABILITY_ID.powerManagement, { lengthBytes: 8, registers: powerRegisters }],
  [ID.agp, { lengthBytes: 12 }],
  [
    VPD.ID,
    {
      lengthBytes: 8,
      registers: [
        NEXT,
        { offset: VPD.ADDRESS, widthBytes: 2, virtual: ALL_16, writable: ALL_16 },
        { offset: VPD.DATA, widthBytes: 4, virtual: ALL_32, writable: ALL_32 },
      ],
    },
  ],
  [CAPABILITY_ID.msi, { lengthBytes: msiLength, registers: msiRegisters }],
  [
    CAPABILITY_ID.pciX,
    {
      lengthBytes: (read) => (isPciX2(read) ? 24 : 8),
      registers: [
        NEXT,
        { offset: 2, widthBytes: 2, virtual: 0, writable: ALL_16 },
        { offset: 8, widthBytes: 4, virtual: 0, writable: ALL_32 },
      ],
    },
  ],
  [ID.hyperTransport, { lengthBytes: (read) => ((read(2, 2) & 0xe000) === 0 ? 28 : 24) }],
  // It says its own length.
  [CAPABILITY_ID.vendorSpecific, { lengthBytes: (read) => read(2, 1), rawWrites: true }],
  [
    CAPABILITY_ID.pciExpress,
    {
      lengthBytes: pcieLength,
      registers: [
        NEXT,
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
  [CAPABILITY_ID.msiX, { lengthBytes: 12 }],
  [ID.sata, { lengthBytes: (read) => ((read(4, 1) & 0xf) === 0xf ? 16 : 8) }],
  [
    CAPABILITY_ID.advancedFeatures,
    {
      lengthBytes: 6,
      registers: [NEXT, { offset: AF.CONTROL, widthBytes: 1, virtual: AF.FLR, writable: AF.FLR }],
    },
  ],
])

/** PCI-X of the second mode, which has extended space too. */
export function isPciX2(read: ReadRegister): boolean {
  return (read(2, 2) & 0x3000) !== 0
}

function powerRegisters(_: ReadRegister, { hidesPme }: ConfigKernel): readonly RegisterPermission[] {
  const hidden = hidesPme ? PME : 0
  const support = hidesPme ? PME_SUPPORT : 0
  return [
    NEXT,
    { offset: 2, widthBytes: 2, virtual: support, writable: 0, absent: support },
    {
      offset: PM_CONTROL.OFFSET,
      widthBytes: 4,
      virtual: hidden,
      writable: ALL_32 & ~(PM_CONTROL.STATE | hidden),
      absent: hidden,
    },
  ]
}

function pcieLength(read: ReadRegister, { pcieCapabilityBytes }: ConfigKernel): number {
  const flags = read(2, 2)
  const isIntegrated = ((flags >> 4) & 0xf) === INTEGRATED_ENDPOINT
  if ((flags & 0xf) === 1) return isIntegrated ? 12 : 20
  return isIntegrated ? 44 : pcieCapabilityBytes
}

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
    NEXT,
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
