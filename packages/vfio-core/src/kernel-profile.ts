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
  /** A device file cannot be mapped for execution, as any file of an anonymous inode (7.x). */
  readonly deviceFilesNoExec: boolean
  /** Widest single access to BAR memory. */
  readonly barAccessMaxBytes: 4 | 8
  /** The strategy that the kernel itself is. */
  readonly defaultStrategy: string
}

/** The behaviours that differ. */
export type KernelDifference = Exclude<keyof KernelProfile, 'version'>

/** Answers in the order of {@link KERNEL_VERSIONS}. */
type Row<T> = readonly [T, T, T, T]

const DIFFERENCES: { readonly [K in KernelDifference]: Row<KernelProfile[K]> } = {
  powerGatesMemory: [false, true, true, true],
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
  deviceFilesNoExec: [false, false, false, true],
  barAccessMaxBytes: [4, 4, 8, 8],
  defaultStrategy: ['vma-list', 'vma-list', 'unmap-range', 'unmap-range'],
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
