/**
 * The port between the core and a bus driver such as vfio-pci. Kernel: `struct vfio_device_ops`.
 */
import type { Awaitable, Operation, VfioErrno } from '@vfiokit/locking'
import type { DeviceFeature } from './feature/device-feature.ts'
import type { DmaLoggingOps } from './feature/dma-logging.ts'
import type { MigrationOps } from './feature/migration-features.ts'
import type { IommufdFile } from './iommufd/iommufd-file.ts'
import type { Process } from './mm/process.ts'
import type { UserBuffer } from './mm/user-buffer.ts'
import type { Protection, VmaBacking } from './mm/vma.ts'

/** One ioctl on a file. */
export interface IoctlCall {
  readonly process: Process
  readonly request: number
  /** The caller's struct, read and written in place. Its length is all that can be copied. */
  readonly argument: Uint8Array
  /** What the device is bound to, when it was opened by its own node. */
  readonly iommufd?: IommufdFile
}

/** One read or write of a device file. */
export interface Transfer {
  readonly process: Process
  readonly buffer: UserBuffer
  /** Offset in the file: index << 40 | offset in the region. */
  readonly offset: number
}

/** What a driver is asked to map. The memory manager has checked what it checks for every file. */
export interface MapAdmission {
  /** First page of the file, and how many. */
  readonly page: number
  readonly pages: number
  readonly shared: boolean
  readonly protection: Protection
}

/** What a bus driver does for the core. Failures are thrown as VfioError. */
export interface DeviceDriver {
  /**
   * Whether whoever shows this token, or none, may open the device; an errno says no. Absent: the device
   * takes no token. Kernel: the `match` callback.
   */
  admitToken?(shown: string | undefined): VfioErrno | undefined
  /** First open, with the device set locked. An errno fails the open. */
  enable(): Operation<VfioErrno | undefined>
  /** Last close, with the device set locked and no mapping left. */
  disable(): Operation<void>
  /**
   * Runs an ioctl, read or write of a user while the device is awake. Absent: it never sleeps. Kernel:
   * `vfio_device_pm_runtime_get`.
   */
  powered?<T>(use: Operation<T>): Operation<T>
  ioctl(call: IoctlCall): Operation<number>
  read(transfer: Transfer): Operation<number>
  write(transfer: Transfer): Operation<number>
  /** Decides whether a mapping may be, and how it faults. Touches no page. */
  mmap(admission: MapAdmission): VmaBacking
  /**
   * A feature that the driver itself has; migration and logging come from the members below.
   *
   * @returns undefined for one that it does not have (ENOTTY).
   * @throws VfioError for one that exists but answers another errno even to a probe.
   */
  feature?(index: number): DeviceFeature | undefined
  /** A feature that some device has beyond those that the kernel knows, or in their place. */
  variantFeature?(index: number): DeviceFeature | undefined
  /** Present when the device can be migrated. */
  readonly migration?: MigrationOps | undefined
  /** Present when the device logs its DMA. */
  readonly dmaLogging?: DmaLoggingOps | undefined
  /**
   * Reads `out.length` bytes if that is one access for which nobody has to be waited for; undefined
   * means "ask read". Equal to it in every result.
   */
  readNow?(offset: number, out: Uint8Array): Awaitable<number> | undefined
  /** The same for a write. */
  writeNow?(offset: number, data: Uint8Array): Awaitable<number> | undefined
}
