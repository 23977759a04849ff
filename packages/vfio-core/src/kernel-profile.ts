/**
 * Where kernels differ: one table, a behaviour a row, asked for by name. No other place looks at a
 * kernel's version.
 */
import type { VfioErrno } from '@vfiokit/locking'

/** The kernels whose behaviour is known from recordings. */
export type KernelVersion = '5.10' | '6.1' | '6.12' | '7.2'
/** Every known kernel, oldest first. */
export const KERNEL_VERSIONS: readonly KernelVersion[] = ['5.10', '6.1', '6.12', '7.2']
/** What a host is without being told. */
export const DEFAULT_KERNEL: KernelVersion = '7.2'

/** One kernel's answers. Each behaviour says since when, and what it is about. */
export interface KernelProfile {
  readonly version: KernelVersion
  /** D3hot makes memory inaccessible (5.19: `__vfio_pci_memory_enabled` looks at the power state). */
  readonly powerGatesMemory: boolean
  /** What a function that nobody uses does: sleep at once, or runtime power management (5.19). */
  readonly idlePower: 'd3hot' | 'runtime'
  /** A write of the power state excludes readers, and D3hot zaps (5.19: `vfio_lock_and_set_power_state`). */
  readonly powerWriteExcludes: boolean
  /** A physical function with virtual ones cannot leave D0 (5.19). */
  readonly powerPinnedByVirtualFunctions: boolean
  /** Resets and close put the function into D0 first, with what D3hot lost (5.19). */
  readonly powersUpBeforeReset: boolean
  /** A function reset needs the bridge above unlocked too (6.12: `pci_try_reset_function`). */
  readonly functionResetLocksBridge: boolean
  /** A slot or bus reset needs the bridge above unlocked too (6.1 at the latest). */
  readonly busResetLocksBridge: boolean
  /** sysfs has `power_state` (5.11). */
  readonly sysfsPowerState: boolean
  /** sysfs has `reset_method` (5.15). */
  readonly sysfsResetMethod: boolean
  /** Every affected function must be in the device set (5.15); before, its group in the list is enough. */
  readonly hotResetByDeviceSet: boolean
  /** The `count` of a hot reset is checked before anything else (6.6, with the cdev flavour). */
  readonly hotResetCountFirst: boolean
  /** A bridge driver that does DMA of its own makes its group not viable (5.18: DMA ownership). */
  readonly bridgeDriversOwnDma: boolean
  /** SET_CONTAINER with something that is neither container nor iommufd. */
  readonly setContainerWrongFile: VfioErrno
  /** SET_CONTAINER on a group with a foreign driver; undefined: only the device open notices. */
  readonly setContainerNotViable: VfioErrno | undefined
  /** A group ioctl looks at the state of the group before the name or descriptor it was given (till 5.15). */
  readonly groupStateFirst: boolean
  /** What CHECK_EXTENSION says yes to: 1 and 3 type1, 6 nesting, 9 unmap-all. */
  readonly containerExtensions: readonly number[]
  /** What it says yes to besides, once an IOMMU type is set: 10 update-vaddr. */
  readonly containerExtensionsWithType: readonly number[]
  /** SET_IOMMU with an extension that is no type of its own, such as unmap-all. */
  readonly setIommuToExtension: VfioErrno
  /** IOMMU_GET_INFO: where the next capability may begin, in bytes (6.5: padded to 8). */
  readonly iommuCapabilityAlignBytes: 1 | 8
  /** IOMMU_GET_INFO: how much of its struct is written at most; the pad field came later. */
  readonly iommuInfoBytes: 20 | 24
  /** IOMMU page sizes as reported: 4 KiB to 2^63, or what the hardware has (5.11). */
  readonly iommuPageSizes: bigint
  /** A range of DMA addresses that wraps around 64 bits. */
  readonly dmaRangeWraps: VfioErrno
  /** The wrap of a range to map is found before flags and alignment are looked at (7.x). */
  readonly dmaMapWrapFirst: boolean
  /** UNMAP_DMA takes ALL and VADDR, MAP_DMA takes VADDR (5.12). */
  readonly dmaUpdatesVaddr: boolean
  /** Indexes that VFIO_DEVICE_FEATURE knows; a device need not have each of them. */
  readonly deviceFeatures: readonly number[]
  /** mmap of a container: it had an mmap of its own once. */
  readonly containerMmap: VfioErrno
  /** `/dev/iommu` (6.2) and `/dev/vfio/devices` (6.6) exist. */
  readonly deviceNodes: boolean
  /** BIND_IOMMUFD takes the token of a physical function, and asks for it (7.x). */
  readonly bindTakesToken: boolean
  /** A device file cannot be mapped for execution, as any file of an anonymous inode (7.x). */
  readonly deviceFilesNoExec: boolean
  /** More MSI-X vectors can be enabled while some are (6.5): NORESIZE is not said then. */
  readonly dynamicMsix: boolean
  /** A write to the eventfd that unmasks INTx or fires an ioeventfd also empties it (5.11). */
  readonly irqfdDrains: boolean
  /** A descriptor below -1 for the ERR and REQ interrupts is refused, not ignored. */
  readonly refusesNegativeErrFd: boolean
  /** An ioeventfd may write 8 bytes at once. */
  readonly ioeventfdOf8Bytes: boolean
  /** Widest single access to BAR memory. */
  readonly barAccessMaxBytes: 4 | 8
  /** Widest single access to the legacy VGA windows. */
  readonly vgaAccessMaxBytes: 4 | 8
  /** Power management events are hidden from users, who would have no one to hear them (5.19). */
  readonly hidesPme: boolean
  /** How much of a PCIe capability of version 2 is claimed; what is behind is passed through. */
  readonly pcieCapabilityBytes: number
  /** Designated vendor-specific extended capabilities are shown (6.3). */
  readonly showsDvsec: boolean
  /** The strategy that the kernel itself is. */
  readonly defaultStrategy: string
}

/** The behaviours that differ. */
export type KernelDifference = Exclude<keyof KernelProfile, 'version'>

/** Answers in the order of {@link KERNEL_VERSIONS}. */
type Row<T> = readonly [T, T, T, T]

const DIFFERENCES: { readonly [K in KernelDifference]: Row<KernelProfile[K]> } = {
  powerGatesMemory: [false, true, true, true],
  idlePower: ['d3hot', 'runtime', 'runtime', 'runtime'],
  powerWriteExcludes: [false, true, true, true],
  powerPinnedByVirtualFunctions: [false, true, true, true],
  powersUpBeforeReset: [false, true, true, true],
  functionResetLocksBridge: [false, false, true, true],
  busResetLocksBridge: [false, true, true, true],
  sysfsPowerState: [false, true, true, true],
  sysfsResetMethod: [false, true, true, true],
  hotResetByDeviceSet: [false, true, true, true],
  hotResetCountFirst: [false, false, true, true],
  bridgeDriversOwnDma: [false, true, true, true],
  setContainerWrongFile: ['EINVAL', 'EINVAL', 'EBADFD', 'EBADFD'],
  setContainerNotViable: [undefined, 'EPERM', 'EPERM', 'EPERM'],
  groupStateFirst: [true, false, false, false],
  containerExtensions: [
    [1, 3, 6],
    [1, 3, 6, 9],
    [1, 3, 6, 9],
    [1, 3, 9],
  ],
  containerExtensionsWithType: [[], [10], [10], [10]],
  setIommuToExtension: ['ENODEV', 'EINVAL', 'EINVAL', 'EINVAL'],
  iommuCapabilityAlignBytes: [1, 1, 8, 8],
  iommuInfoBytes: [20, 20, 24, 24],
  iommuPageSizes: [0xffff_ffff_ffff_f000n, 0x4020_1000n, 0x4020_1000n, 0x4020_1000n],
  dmaRangeWraps: ['EINVAL', 'EINVAL', 'EINVAL', 'EOVERFLOW'],
  dmaMapWrapFirst: [false, false, false, true],
  dmaUpdatesVaddr: [false, true, true, true],
  deviceFeatures: [
    [0],
    [0, 1, 2, 3, 4, 5, 6, 7, 8],
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12],
  ],
  deviceNodes: [false, false, true, true],
  bindTakesToken: [false, false, false, true],
  containerMmap: ['EINVAL', 'ENODEV', 'ENODEV', 'ENODEV'],
  deviceFilesNoExec: [false, false, false, true],
  dynamicMsix: [false, false, true, true],
  irqfdDrains: [false, true, true, true],
  refusesNegativeErrFd: [false, false, false, true],
  ioeventfdOf8Bytes: [false, true, true, false],
  barAccessMaxBytes: [4, 4, 8, 8],
  vgaAccessMaxBytes: [4, 4, 8, 4],
  hidesPme: [false, true, true, true],
  pcieCapabilityBytes: [52, 50, 52, 52],
  showsDvsec: [false, false, true, true],
  defaultStrategy: ['vma-list', 'vma-list-device-set', 'unmap-range', 'unmap-range'],
}

/**
 * The behaviours of one kernel.
 *
 * @throws RangeError for a kernel that is not known.
 */
export function kernelProfile(version: KernelVersion = DEFAULT_KERNEL): KernelProfile {
  const column = KERNEL_VERSIONS.indexOf(version)
  if (column < 0) throw new RangeError(`kernel ${version} is not known; known: ${KERNEL_VERSIONS.join(', ')}`)
  const answers = Object.entries(DIFFERENCES).map(([name, values]) => [name, values[column]])
  return { version, ...Object.fromEntries(answers) } as KernelProfile
}
