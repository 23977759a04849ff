/** The way to a device by its own node: an iommufd, an address space in it, the device bound to it. */
import type { Operation } from '@vfiokit/locking'
import { DeviceCalls } from './device-calls.ts'
import { call, type ProcessCalls } from './process-calls.ts'
import {
  ATTACH_IOMMUFD_PT,
  BIND_IOMMUFD,
  DEVICE_IOCTL,
  IOAS_ALLOC,
  IOAS_MAP,
  IOMMUFD_IOCTL,
} from './uapi/index.ts'

/** IOAS_MAP: at a fixed address, for reading and writing. */
const FIXED_READ_WRITE = 7

/** Memory of the process at DMA addresses, all in bytes and in whole pages. */
export interface IoasMapping {
  readonly address: number
  readonly iova: bigint
  readonly lengthBytes: number
}

/** An open iommufd of one process. */
export class IommufdCalls {
  constructor(
    readonly calls: ProcessCalls,
    readonly fd: number,
  ) {}

  /** Opens `/dev/iommu`. @throws VfioError ENOENT under a kernel without it. */
  static *open(calls: ProcessCalls): Operation<IommufdCalls> {
    return new IommufdCalls(calls, yield* call(calls.open('/dev/iommu')))
  }

  /** @returns the number of a new address space. */
  *allocate(): Operation<number> {
    const argument = IOAS_ALLOC.encode({ size: IOAS_ALLOC.sizeBytes })
    yield* call(this.calls.ioctl(this.fd, IOMMUFD_IOCTL.IOMMU_IOAS_ALLOC, argument))
    return IOAS_ALLOC.decode(argument).out_ioas_id
  }

  /** Lets devices read and write memory of the process. */
  *map(ioas: number, { address, iova, lengthBytes }: IoasMapping): Operation<void> {
    const argument = IOAS_MAP.encode({
      size: IOAS_MAP.sizeBytes,
      flags: FIXED_READ_WRITE,
      ioas_id: ioas,
      user_va: BigInt(address),
      length: BigInt(lengthBytes),
      iova,
    })
    yield* call(this.calls.ioctl(this.fd, IOMMUFD_IOCTL.IOMMU_IOAS_MAP, argument))
  }

  /**
   * Opens a device by its node and binds it.
   *
   * @param number - N of `/dev/vfio/devices/vfioN`.
   * @param ioas - What it is attached to; absent: nothing, and its DMA is blocked.
   */
  *device(number: number, ioas?: number): Operation<DeviceCalls> {
    const device = new DeviceCalls(
      this.calls,
      yield* call(this.calls.open(`/dev/vfio/devices/vfio${number}`)),
    )
    try {
      const bind = BIND_IOMMUFD.encode({ argsz: BIND_IOMMUFD.sizeBytes, iommufd: this.fd })
      yield* call(this.calls.ioctl(device.fd, DEVICE_IOCTL.DEVICE_BIND_IOMMUFD, bind))
      if (ioas === undefined) return device
      const attach = ATTACH_IOMMUFD_PT.encode({ argsz: ATTACH_IOMMUFD_PT.sizeBytes, pt_id: ioas })
      yield* call(this.calls.ioctl(device.fd, DEVICE_IOCTL.DEVICE_ATTACH_IOMMUFD_PT, attach))
      return device
    } catch (error) {
      yield* device.close()
      throw error
    }
  }

  close(): Operation<void> {
    return call(this.calls.close(this.fd))
  }
}
