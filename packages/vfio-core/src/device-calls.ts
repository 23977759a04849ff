/**
 * A device as a user program handles it: typed calls over the raw ABI.
 *
 * Everything is an operation, so the same client runs live (`runLive(device.regionInfo(0))`), under a
 * scheduler, or against any other host.
 */
import type { Operation } from '@vfiokit/locking'
import type { UserBuffer } from './mm/user-buffer.ts'
import { call, type ProcessCalls } from './process-calls.ts'
import {
  CONTAINER_IOCTL,
  DEPENDENT_DEVICE,
  DEVICE_FEATURE,
  DEVICE_INFO,
  DEVICE_IOCTL,
  FILE_DESCRIPTOR,
  GROUP_IOCTL,
  HOT_RESET,
  HOT_RESET_INFO,
  type InfoCapability,
  IOEVENTFD,
  IOMMU_TYPE,
  IRQ_INFO,
  IRQ_SET,
  IRQ_SET_DATA,
  REGION_INFO,
  readChain,
} from './uapi/index.ts'
import { VfioError } from './vfio-error.ts'

/** log2 of what one region index spans in the file. */
const REGION_SPAN = 2 ** 40

/** Answer of GET_INFO. */
export interface DeviceInfo {
  readonly flags: number
  readonly regionCount: number
  readonly irqCount: number
}

/** Answer of GET_REGION_INFO. */
export interface RegionInfo {
  readonly index: number
  readonly flags: number
  readonly sizeBytes: number
  /** Where the region begins in the file. */
  readonly offset: number
  readonly capabilities: readonly InfoCapability[]
}

/** Answer of GET_IRQ_INFO. */
export interface InterruptInfo {
  readonly flags: number
  readonly count: number
}

/** SET_IRQS for `count` interrupts of one index, from `start`. */
export interface InterruptSetting {
  readonly index: number
  /** 0 when absent. */
  readonly start?: number
  /** `IRQ_SET_ACTION`. */
  readonly action: number
  /** A descriptor each (-1: none), a choice each, or how many interrupts are meant without data. */
  readonly data: { readonly fds: readonly number[] } | { readonly choices: readonly boolean[] } | number
}

/** A write that an eventfd fires. */
export interface IoEventfd {
  readonly region: number
  readonly offset: number
  readonly widthBytes: 1 | 2 | 4 | 8
  readonly value: bigint
}

/** One function that a hot reset would hit. */
export interface DependentDevice {
  readonly groupId: number
  readonly segment: number
  readonly bus: number
  readonly devfn: number
}

/**
 * Opens the group, gives it a container of its own with an IOMMU type, and answers the group's descriptor.
 *
 * The group keeps the container: its descriptor is closed again, and so is everything else on failure.
 */
export function* openGroup(calls: ProcessCalls, groupNumber: number): Operation<number> {
  const container = yield* call(calls.open('/dev/vfio/vfio'))
  try {
    return yield* openGroupIn(calls, groupNumber, container)
  } finally {
    yield* call(calls.close(container))
  }
}

/**
 * Opens the group into a container that its caller has open, and gives that its IOMMU type.
 *
 * @returns the group's descriptor; everything is closed again on failure, but for the container.
 */
export function* openGroupIn(calls: ProcessCalls, groupNumber: number, container: number): Operation<number> {
  const group = yield* call(calls.open(`/dev/vfio/${groupNumber}`))
  try {
    const containerArgument = FILE_DESCRIPTOR.encode({ fd: container })
    yield* call(calls.ioctl(group, GROUP_IOCTL.GROUP_SET_CONTAINER, containerArgument))
    const type = FILE_DESCRIPTOR.encode({ fd: IOMMU_TYPE.TYPE1V2 })
    yield* call(calls.ioctl(container, CONTAINER_IOCTL.SET_IOMMU, type))
    return group
  } catch (error) {
    yield* call(calls.close(group))
    throw error
  }
}

/** Opens a device of an open group. */
export function* openDeviceIn(calls: ProcessCalls, groupFd: number, name: string): Operation<DeviceCalls> {
  const argument = new TextEncoder().encode(`${name}\0`)
  const fd = yield* call(calls.ioctl(groupFd, GROUP_IOCTL.GROUP_GET_DEVICE_FD, argument))
  return new DeviceCalls(calls, fd)
}

/** An open device of one process. */
export class DeviceCalls {
  constructor(
    readonly calls: ProcessCalls,
    readonly fd: number,
  ) {}

  *info(): Operation<DeviceInfo> {
    const argument = DEVICE_INFO.encode({ argsz: DEVICE_INFO.sizeBytes })
    yield* call(this.calls.ioctl(this.fd, DEVICE_IOCTL.DEVICE_GET_INFO, argument))
    const { flags, num_regions, num_irqs } = DEVICE_INFO.decode(argument)
    return { flags, regionCount: num_regions, irqCount: num_irqs }
  }

  /**
   * Asks again with more room when there are capabilities.
   *
   * @throws RangeError for a size or offset that a number cannot hold exactly.
   */
  *regionInfo(index: number): Operation<RegionInfo> {
    let argument = REGION_INFO.encode({ argsz: REGION_INFO.sizeBytes, index })
    yield* call(this.calls.ioctl(this.fd, DEVICE_IOCTL.DEVICE_GET_REGION_INFO, argument))
    const needed = REGION_INFO.decode(argument).argsz
    if (needed > argument.length) {
      argument = REGION_INFO.encode({ argsz: needed, index }, needed - REGION_INFO.sizeBytes)
      yield* call(this.calls.ioctl(this.fd, DEVICE_IOCTL.DEVICE_GET_REGION_INFO, argument))
    }
    const { flags, size, offset, cap_offset } = REGION_INFO.decode(argument)
    const capabilities = cap_offset === 0 ? [] : readChain(argument, cap_offset)
    return { index, flags, sizeBytes: exact(size), offset: exact(offset), capabilities }
  }

  /** @returns how many bytes were read; fewer than asked for at the end of a region. */
  read(index: number, offset: number, buffer: UserBuffer): Operation<number> {
    return call(this.calls.pread(this.fd, buffer, index * REGION_SPAN + offset))
  }

  write(index: number, offset: number, buffer: UserBuffer): Operation<number> {
    return call(this.calls.pwrite(this.fd, buffer, index * REGION_SPAN + offset))
  }

  /** Maps a part of a region shared, and answers the address. */
  mmap(index: number, offset: number, lengthBytes: number, id?: string): Operation<number> {
    const protection = { read: true, write: true, execute: false }
    const at = index * REGION_SPAN + offset
    const request = { fd: this.fd, offset: at, lengthBytes, protection, shared: true }
    return call(this.calls.mmap(id === undefined ? request : { ...request, id }))
  }

  *interruptInfo(index: number): Operation<InterruptInfo> {
    const argument = IRQ_INFO.encode({ argsz: IRQ_INFO.sizeBytes, index })
    yield* call(this.calls.ioctl(this.fd, DEVICE_IOCTL.DEVICE_GET_IRQ_INFO, argument))
    const { flags, count } = IRQ_INFO.decode(argument)
    return { flags, count }
  }

  /** @returns 0, or how many vectors there are when fewer than asked for: nothing is enabled then. */
  setInterrupts({ index, start = 0, action, data }: InterruptSetting): Operation<number> {
    const { kind, count, bytes } = interruptData(data)
    const argsz = IRQ_SET.sizeBytes + bytes.length
    const argument = IRQ_SET.encode({ argsz, flags: action | kind, index, start, count }, bytes.length)
    argument.set(bytes, IRQ_SET.sizeBytes)
    return call(this.calls.ioctl(this.fd, DEVICE_IOCTL.DEVICE_SET_IRQS, argument))
  }

  /** @param fd - The eventfd, or -1 to take the write back. */
  *setIoEventfd({ region, offset, widthBytes, value }: IoEventfd, fd: number): Operation<void> {
    const argument = IOEVENTFD.encode({
      argsz: IOEVENTFD.sizeBytes,
      flags: widthBytes,
      offset: BigInt(region) * BigInt(REGION_SPAN) + BigInt(offset),
      data: value,
      fd,
    })
    yield* call(this.calls.ioctl(this.fd, DEVICE_IOCTL.DEVICE_IOEVENTFD, argument))
  }

  /**
   * VFIO_DEVICE_FEATURE.
   *
   * @param flags - `DEVICE_FEATURE_FLAGS` and the index of the feature.
   * @param payload - What follows the header; it stays as it is.
   * @returns what follows the header afterwards.
   */
  *feature(flags: number, payload: Uint8Array): Operation<Uint8Array> {
    const argsz = DEVICE_FEATURE.sizeBytes + payload.length
    const argument = DEVICE_FEATURE.encode({ argsz, flags }, payload.length)
    argument.set(payload, DEVICE_FEATURE.sizeBytes)
    yield* call(this.calls.ioctl(this.fd, DEVICE_IOCTL.DEVICE_FEATURE, argument))
    return argument.subarray(DEVICE_FEATURE.sizeBytes)
  }

  *reset(): Operation<void> {
    yield* call(this.calls.ioctl(this.fd, DEVICE_IOCTL.DEVICE_RESET))
  }

  /** What a hot reset of this device would hit, bridges and foreign functions included. */
  *hotResetInfo(): Operation<readonly DependentDevice[]> {
    const probe = HOT_RESET_INFO.encode({ argsz: HOT_RESET_INFO.sizeBytes })
    const count = yield* this.#dependentCount(probe)
    const bytes = count * DEPENDENT_DEVICE.sizeBytes
    const argument = HOT_RESET_INFO.encode({ argsz: HOT_RESET_INFO.sizeBytes + bytes }, bytes)
    yield* call(this.calls.ioctl(this.fd, DEVICE_IOCTL.DEVICE_GET_PCI_HOT_RESET_INFO, argument))
    return Array.from({ length: HOT_RESET_INFO.decode(argument).count }, (_, at) => {
      const start = HOT_RESET_INFO.sizeBytes + at * DEPENDENT_DEVICE.sizeBytes
      const { group_id, segment, bus_devfn } = DEPENDENT_DEVICE.decode(argument, start)
      return { groupId: group_id, segment, bus: bus_devfn & 0xff, devfn: bus_devfn >> 8 }
    })
  }

  /** Resets the slot or bus. @param groupFds - Groups that prove ownership of all that is hit. */
  *hotReset(groupFds: readonly number[]): Operation<void> {
    const bytes = groupFds.length * FILE_DESCRIPTOR.sizeBytes
    const argument = HOT_RESET.encode({ argsz: HOT_RESET.sizeBytes + bytes, count: groupFds.length }, bytes)
    groupFds.forEach((fd, at) => {
      FILE_DESCRIPTOR.write(argument, { fd }, HOT_RESET.sizeBytes + at * FILE_DESCRIPTOR.sizeBytes)
    })
    yield* call(this.calls.ioctl(this.fd, DEVICE_IOCTL.DEVICE_PCI_HOT_RESET, argument))
  }

  close(): Operation<void> {
    return call(this.calls.close(this.fd))
  }

  *#dependentCount(probe: Uint8Array): Operation<number> {
    try {
      yield* call(this.calls.ioctl(this.fd, DEVICE_IOCTL.DEVICE_GET_PCI_HOT_RESET_INFO, probe))
    } catch (error) {
      if (!VfioError.is(error, 'ENOSPC')) throw error
    }
    return HOT_RESET_INFO.decode(probe).count
  }
}

function exact(value: bigint): number {
  if (value > Number.MAX_SAFE_INTEGER) throw new RangeError(`0x${value.toString(16)} is beyond 2^53`)
  return Number(value)
}

function interruptData(data: InterruptSetting['data']): {
  readonly kind: number
  readonly count: number
  readonly bytes: Uint8Array
} {
  if (typeof data === 'number') return { kind: IRQ_SET_DATA.NONE, count: data, bytes: new Uint8Array(0) }
  if ('choices' in data) {
    const bytes = Uint8Array.from(data.choices, (choice) => (choice ? 1 : 0))
    return { kind: IRQ_SET_DATA.BOOL, count: bytes.length, bytes }
  }
  const bytes = new Uint8Array(4 * data.fds.length)
  const view = new DataView(bytes.buffer)
  for (const [at, fd] of data.fds.entries()) view.setInt32(4 * at, fd, true)
  return { kind: IRQ_SET_DATA.EVENTFD, count: data.fds.length, bytes }
}
