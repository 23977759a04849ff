/** A process that has the card open: typed calls of the ABI that answer at once. */
import type { Operation } from '@vfiokit/locking'
import { CAPABILITY_ID, findCapability, type PciFunction } from '@vfiokit/topology'
import {
  DeviceCalls,
  type LiveProcess,
  PAGE_SIZE_BYTES,
  PCI_REGION,
  type RegionInfo,
  type VfioDevice,
  type Vma,
} from '@vfiokit/vfio-core'
import { done, now } from './demand.ts'
import type { MappablePart } from './region-check.ts'

const COMMAND = { OFFSET: 4, MEMORY: 2 } as const
const PM_CONTROL = 4
const POWER = { D0: 0, D3hot: 3 } as const

/** A part of a region, mapped. */
export interface UserMapping {
  readonly vma: Vma
  readonly lengthBytes: number
}

/** One open file of the card. */
export class DeviceUser {
  constructor(
    readonly device: VfioDevice,
    readonly process: LiveProcess,
    readonly calls: DeviceCalls,
    readonly groupFd: number,
    readonly containerFd: number,
  ) {}

  /** Calls that are operations, for a scheduler. */
  get operations(): DeviceCalls {
    return new DeviceCalls(this.process.calls, this.calls.fd)
  }

  regionCount(): number {
    return done(this.calls.info()).regionCount
  }

  regionInfo(index: number): RegionInfo {
    return done(this.calls.regionInfo(index))
  }

  /** The bytes that came: fewer than asked for at the end of a region. */
  read(index: number, offset: number, lengthBytes: number): Uint8Array {
    const buffer = new Uint8Array(lengthBytes)
    const count = done(this.calls.read(index, offset, buffer))
    return buffer.subarray(0, count)
  }

  /** @returns how many bytes were written */
  write(index: number, offset: number, data: Uint8Array): number {
    return done(this.calls.write(index, offset, data))
  }

  mmap(index: number, offset: number, lengthBytes: number): UserMapping {
    const address = done(this.calls.mmap(index, offset, lengthBytes))
    return { vma: this.process.calls.process.vmaAt(address)!, lengthBytes }
  }

  /** Maps a part of a region, whole. */
  map({ index, area }: MappablePart): UserMapping {
    return this.mmap(index, area.offset, area.sizeBytes)
  }

  munmap({ vma, lengthBytes }: UserMapping): void {
    now(this.process.munmap(vma.start, lengthBytes))
  }

  /** Touches a page and answers its first bytes. */
  load({ vma }: UserMapping, page: number, lengthBytes = 4): Uint8Array {
    const out = new Uint8Array(lengthBytes)
    now(this.process.load(vma.start + page * PAGE_SIZE_BYTES, out))
    return out
  }

  store({ vma }: UserMapping, page: number, data: Uint8Array): void {
    now(this.process.store(vma.start + page * PAGE_SIZE_BYTES, data))
  }

  setMemory(on: boolean): void {
    done(setMemory(this.calls, on))
  }

  setPower(state: keyof typeof POWER, fn: PciFunction): void {
    done(setPower(this.calls, state, fn))
  }

  reset(): void {
    done(this.calls.reset())
  }

  hotReset(): void {
    done(this.calls.hotReset([this.groupFd]))
  }

  /** Closes the device, its group and its container. */
  close(): void {
    done(this.calls.close())
    now(this.process.close(this.groupFd))
    now(this.process.close(this.containerFd))
  }
}

/** Writes the memory-enable bit of the command register. */
export function* setMemory(calls: DeviceCalls, on: boolean): Operation<void> {
  const bytes = new Uint8Array(2)
  yield* calls.read(PCI_REGION.CONFIG, COMMAND.OFFSET, bytes)
  bytes[0] = on ? bytes[0]! | COMMAND.MEMORY : bytes[0]! & ~COMMAND.MEMORY
  yield* calls.write(PCI_REGION.CONFIG, COMMAND.OFFSET, bytes)
}

/** Writes the power state. @throws RangeError for a function without power management. */
export function* setPower(calls: DeviceCalls, state: keyof typeof POWER, fn: PciFunction): Operation<void> {
  const capability = findCapability(fn, CAPABILITY_ID.powerManagement)
  if (capability === undefined || capability === 'unknown')
    throw new RangeError(`${fn.bdf} has no power management`)
  const bytes = new Uint8Array(2)
  yield* calls.read(PCI_REGION.CONFIG, capability.offset + PM_CONTROL, bytes)
  bytes[0] = (bytes[0]! & ~3) | POWER[state]
  yield* calls.write(PCI_REGION.CONFIG, capability.offset + PM_CONTROL, bytes)
}
