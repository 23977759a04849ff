/** The system calls of one process, done by the engine. Every one is an operation. */
import { acquire, type Operation, release, unwind } from '@vfiokit/locking'
import { ContainerFile } from './container-file.ts'
import { Eventfd, eventfdOf } from './eventfd.ts'
import { GroupFile } from './group-file.ts'
import { DeviceNodeFile } from './iommufd/device-node-file.ts'
import { IommufdFile } from './iommufd/iommufd-file.ts'
import type { Area } from './mm/address-map.ts'
import type { AnonymousMemory } from './mm/anonymous-memory.ts'
import type { Frame } from './mm/frame.ts'
import { fork, type MmapRequest, mmap, mprotect, munmap } from './mm/mapping-calls.ts'
import { PAGE_SIZE_BYTES, pageOf } from './mm/page.ts'
import { touchPage } from './mm/page-touch.ts'
import type { Process } from './mm/process.ts'
import type { UserBuffer } from './mm/user-buffer.ts'
import { allows, type Protection, type Vma } from './mm/vma.ts'
import type { ProcessCalls } from './process-calls.ts'
import type { VfioCore } from './vfio-core.ts'
import { VfioError } from './vfio-error.ts'
import { VfioSignal } from './vfio-signal.ts'

const CONTAINER_PATH = '/dev/vfio/vfio'
const IOMMUFD_PATH = '/dev/iommu'
const DEVICE_PATH = /^\/dev\/vfio\/devices\/vfio(0|[1-9]\d*)$/
const GROUP_PATH = /^\/dev\/vfio\/(0|[1-9]\d*)$/
const NO_BYTES = new Uint8Array(0)

/** One process's calls. Nothing happens before an operation is run. */
export class EngineCalls implements ProcessCalls {
  readonly id: string

  constructor(
    readonly core: VfioCore,
    readonly process: Process,
  ) {
    this.id = process.id
  }

  *open(path: string): Operation<number> {
    const { profile, locks } = this.core
    if (path === CONTAINER_PATH) return this.process.install(new ContainerFile(profile, locks))
    if (path === IOMMUFD_PATH && profile.deviceNodes) return this.process.install(new IommufdFile(locks))
    const node = DEVICE_PATH.exec(path)?.[1]
    return node === undefined ? yield* this.#openGroup(path) : this.#openNode(path, Number(node))
  }

  /** Kernel: `vfio_device_fops_cdev_open`. */
  #openNode(path: string, number: number): number {
    const { profile } = this.core
    const device = profile.deviceNodes ? this.core.deviceAt(number) : undefined
    if (device === undefined) throw new VfioError('ENOENT', 'no-device', path)
    if (device.lifecycle.isGoingAway) throw new VfioError('ENODEV', 'no-device', `${path} is going away`)
    return this.process.install(new DeviceNodeFile(device, profile))
  }

  *#openGroup(path: string): Operation<number> {
    const { groups, profile } = this.core
    const group = groups.get(Number(GROUP_PATH.exec(path)?.[1] ?? Number.NaN))
    // The node of a group is there as long as vfio drives something in it.
    if (group === undefined || group.devices.size === 0) throw new VfioError('ENOENT', 'no-device', path)
    yield* acquire(group.lock)
    try {
      if (group.devices.size === 0)
        throw new VfioError('ENODEV', 'no-device', `${path} lost its last device meanwhile`)
      if (group.opened !== undefined) throw new VfioError('EBUSY', 'group-busy', `${path} is open already`)
      if (group.boundDevices > 0)
        throw new VfioError('EBUSY', 'group-busy', `a device of ${path} is open by its own node`)
      group.opened = new GroupFile(group, profile)
      return this.process.install(group.opened)
    } finally {
      yield* release(group.lock)
    }
  }

  /** Makes a counter of events. Kernel: `eventfd2` with EFD_NONBLOCK. */
  eventfd(): number {
    return this.process.install(new Eventfd())
  }

  /** Takes what was counted since the last read; undefined: nothing (EAGAIN). */
  readEvent(fd: number): bigint | undefined {
    return eventfdOf(this.process, fd).consume()
  }

  /** Counts events, as a write of 8 bytes does. */
  writeEvent(fd: number, count: bigint): void {
    eventfdOf(this.process, fd).add(count)
  }

  *close(fd: number): Operation<void> {
    yield* this.process.uninstall(fd).drop()
  }

  *ioctl(fd: number, request: number, argument: Uint8Array = NO_BYTES): Operation<number> {
    return yield* this.process.file(fd).ioctl({ process: this.process, request, argument })
  }

  *pread(fd: number, buffer: UserBuffer, offset: number): Operation<number> {
    refuseNegative(offset)
    const file = this.process.file(fd)
    refuseUnreachable(offset)
    return yield* file.read({ process: this.process, buffer, offset })
  }

  *pwrite(fd: number, buffer: UserBuffer, offset: number): Operation<number> {
    refuseNegative(offset)
    const file = this.process.file(fd)
    refuseUnreachable(offset)
    return yield* file.write({ process: this.process, buffer, offset })
  }

  mmap(request: MmapRequest): Operation<number> {
    return mmap(this.process, request)
  }

  munmap(address: number, lengthBytes: number): Operation<void> {
    return munmap(this.process, address, lengthBytes)
  }

  mprotect(address: number, lengthBytes: number, protection: Protection): Operation<void> {
    return mprotect(this.process, address, lengthBytes, protection)
  }

  load(address: number, out: Uint8Array): Operation<void> {
    return this.#access(address, out.length, 'read', (frame, offset) => frame.load(offset, out))
  }

  store(address: number, data: Uint8Array): Operation<void> {
    return this.#access(address, data.length, 'write', (frame, offset) => frame.store(offset, data))
  }

  /** Starts a process with the same files and mappings. */
  *fork(childId: string): Operation<EngineCalls> {
    if (this.core.processes.has(childId)) throw new TypeError(`process ${childId} exists already`)
    const child = this.core.process(childId)
    yield* this.forkInto(child)
    return child
  }

  /**
   * The same into a process that is there already and has mapped nothing: its files are closed.
   *
   * @throws TypeError for a process with mappings.
   */
  *forkInto(child: EngineCalls): Operation<void> {
    if (child.process.vmas.length > 0) throw new TypeError(`process ${child.id} has mappings already`)
    yield* fork(this.process, child.process)
  }

  /** Gives another process the same open file. */
  send(fd: number, to: EngineCalls): number {
    const file = this.process.file(fd)
    file.take()
    return to.process.install(file)
  }

  /** Unmaps and closes everything. Kernel: `exit_mm`, then `exit_files`. */
  *exit(): Operation<void> {
    const { files, vmas, memory } = this.process
    const areas = [...vmas, ...memory.all]
    const first = areas.reduce((least, { start }) => Math.min(least, start), Number.MAX_SAFE_INTEGER)
    const end = areas.reduce((most, area) => Math.max(most, area.end), 0)
    yield* unwind([
      ...(end > first ? [() => this.munmap(first, end - first)] : []),
      ...[...files.keys()].map((fd) => () => this.close(fd)),
    ])
  }

  *#access(
    address: number,
    lengthBytes: number,
    need: 'read' | 'write',
    use: (frame: Frame, offset: number) => void,
  ): Operation<void> {
    for (;;) {
      const { vma, page, offset } = locate(this.process, address, lengthBytes, need)
      const outcome = yield* touchPage(vma, page, need, (frame) => use(frame, offset))
      if (outcome === 'nopage') return
      if (outcome === 'sigbus') throw busError(vma, page)
    }
  }
}

/** From here on an offset is negative for the kernel, which has 64 bits and a sign for it. */
const NEGATIVE_OFFSET = 2 ** 63

/** What pread and pwrite refuse, whatever they are asked to read. */
function refuseNegative(offset: number): void {
  if (!Number.isInteger(offset)) throw new RangeError(`${offset} is no offset in a file`)
  if (offset < 0 || offset >= NEGATIVE_OFFSET) throw new VfioError('EINVAL', 'bad-offset', `offset ${offset}`)
}

/** No file reaches so far: 2^53 is the index of region 8192. */
function refuseUnreachable(offset: number): void {
  if (!Number.isSafeInteger(offset)) throw new VfioError('EINVAL', 'bad-offset', `offset ${offset}`)
}

/** Where an address lies. */
export interface Located {
  readonly vma: Vma | AnonymousMemory
  readonly page: number
  readonly offset: number
}

/**
 * Finds what an access goes to.
 *
 * @throws VfioSignal SIGSEGV where nothing is mapped (si_code 1) or protection forbids it (2).
 * @throws RangeError for an access that crosses a page: two accesses, on every processor.
 */
export function locate(
  process: Process,
  address: number,
  lengthBytes: number,
  need: 'read' | 'write',
): Located {
  const vma = process.areaAt(address)
  if (vma === undefined) throw new VfioSignal('SIGSEGV', 1, `nothing is mapped at 0x${address.toString(16)}`)
  if (!allows(vma.protection, need))
    throw new VfioSignal('SIGSEGV', 2, `${vma.id} may not be used to ${need}`)
  const page = pageOf(address - vma.start)
  const offset = address - vma.start - page * PAGE_SIZE_BYTES
  if (offset + lengthBytes > PAGE_SIZE_BYTES)
    throw new RangeError(`an access of ${lengthBytes} bytes crosses a page`)
  return { vma, page, offset }
}

/** What a process gets whose fault failed: si_code BUS_ADRERR. */
export function busError(vma: Area, page: number): VfioSignal {
  return new VfioSignal('SIGBUS', 2, `page ${page} of ${vma.id} cannot be reached`)
}
