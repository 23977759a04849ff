/** mmap, munmap, mprotect, fork: what changes the map of a process. Kernel: mm/mmap.c, kernel/fork.c. */
import { acquire, effect, type Operation, release, unwind, zapMapping } from '@vfiokit/locking'
import { DeviceFile } from '../device-file.ts'
import { VfioError } from '../vfio-error.ts'
import { AnonymousMemory } from './anonymous-memory.ts'
import { PAGE_SIZE_BYTES, pageOf, pagesOf } from './page.ts'
import type { Process } from './process.ts'
import { type Protection, Vma } from './vma.ts'

/** Arguments of an mmap: of a part of a device, or of memory of the process's own. */
export type MmapRequest = DeviceMapRequest | MemoryMapRequest

/** Arguments of an mmap of a device. */
export interface DeviceMapRequest {
  readonly fd: number
  /** Offset in the file, in bytes; a multiple of the page size. */
  readonly offset: number
  readonly lengthBytes: number
  readonly protection: Protection
  /** MAP_SHARED; without it, MAP_PRIVATE. */
  readonly shared: boolean
  /** What output calls the mapping; by default made from the process and the address: `vm0:0x700000000000`. */
  readonly id?: string
}

/** Arguments of an mmap with MAP_ANONYMOUS. */
export interface MemoryMapRequest extends Omit<DeviceMapRequest, 'fd' | 'offset'> {
  readonly anonymous: true
}

/**
 * Maps memory, or a part of a device. Of a device it never brings in a page: each comes with its first touch.
 *
 * @returns the address.
 * @throws VfioError EINVAL for an unaligned offset, EBADF, EINVAL for a length of 0, ENODEV for a file
 *   that cannot be mapped, EPERM for execution where the kernel forbids it, and whatever the driver
 *   refuses with; looked at in this order.
 * @throws RangeError for an offset or length that is no number of bytes.
 */
export function* mmap(process: Process, request: MmapRequest): Operation<number> {
  if ('anonymous' in request) return yield* mapMemory(process, request)
  const file = mappableFile(process, request)
  yield* acquire(process.mmapLock)
  try {
    const vma = admit(process, file, request)
    yield* effect(`map ${vma.id}`, [undefined], () => {
      for (const [page, frame] of (vma.backing.presentAtOnce?.() ?? []).entries()) vma.insert(page, frame)
      process.addVma(vma)
      file.device.link(vma)
      file.take()
    })
    return vma.start
  } finally {
    yield* release(process.mmapLock)
  }
}

function* mapMemory(process: Process, request: MemoryMapRequest): Operation<number> {
  const { lengthBytes, protection, shared } = request
  refuseNoBytes(lengthBytes)
  if (lengthBytes === 0) throw new VfioError('EINVAL', 'bad-count', 'a mapping of no bytes')
  const pages = pagesOf(lengthBytes)
  yield* acquire(process.mmapLock)
  try {
    const start = process.reserve(pages)
    const id = request.id ?? `${process.id}:0x${start.toString(16)}`
    process.addMemory(new AnonymousMemory({ id, start, pages, protection, shared }))
    return start
  } finally {
    yield* release(process.mmapLock)
  }
}

function mappableFile(process: Process, request: DeviceMapRequest): DeviceFile {
  const { offset, lengthBytes, protection } = request
  refuseNoBytes(lengthBytes)
  if (!Number.isInteger(offset)) throw new RangeError(`${offset} is no number of bytes`)
  if (offset % PAGE_SIZE_BYTES !== 0)
    throw new VfioError('EINVAL', 'bad-alignment', `offset 0x${offset.toString(16)} is inside a page`)
  const file = process.file(request.fd)
  if (lengthBytes === 0) throw new VfioError('EINVAL', 'bad-count', 'a mapping of no bytes')
  if (!(file instanceof DeviceFile))
    throw new VfioError(file.mmapRefusal, 'not-a-device', `${file.title} cannot be mapped`)
  // An offset has no sign here: below 0 it is one of the last of 64 bits, and no file ends behind them.
  if (offset < 0 && offset + lengthBytes >= 0)
    throw new VfioError('EOVERFLOW', 'bad-offset', `offset ${offset} of ${file.title}`)
  // 2^53 is the index of region 8192.
  if (offset < 0 || !Number.isSafeInteger(offset + lengthBytes))
    throw new VfioError('EINVAL', 'bad-offset', `offset ${offset} of ${file.title}`)
  if (protection.execute && file.profile.deviceFilesNoExec)
    throw new VfioError('EPERM', 'not-mappable', `${file.title} cannot be executed`)
  return file
}

/** Asks the driver. mmap_lock is held, as the kernel holds it around `f_op->mmap`. */
function admit(process: Process, file: DeviceFile, request: DeviceMapRequest): Vma {
  const { device } = file
  const pages = pagesOf(request.lengthBytes)
  const page = pageOf(request.offset)
  const { shared, protection } = request
  const backing = file.mmap({ page, pages, shared, protection })
  const start = process.reserve(pages)
  return new Vma({
    id: request.id ?? `${process.id}:0x${start.toString(16)}`,
    process,
    file,
    backing,
    start,
    pages,
    spacePage: device.layout.place(page, backing.followsMemory),
    backingPage: 0,
    protection,
  })
}

/**
 * Unmaps `[address, address + lengthBytes)`. A mapping that is cut is split first; what is not mapped
 * is no error. Files are dropped after mmap_lock, since a last close takes outer locks.
 */
export function* munmap(process: Process, address: number, lengthBytes: number): Operation<void> {
  refuseNoBytes(address, lengthBytes)
  if (address % PAGE_SIZE_BYTES !== 0 || lengthBytes === 0)
    throw new VfioError('EINVAL', 'bad-address', `munmap of 0x${address.toString(16)} + ${lengthBytes}`)
  const end = address + pagesOf(lengthBytes) * PAGE_SIZE_BYTES
  const gone: Vma[] = []
  yield* acquire(process.mmapLock)
  try {
    yield* splitAt(process, address)
    yield* splitAt(process, end)
    // From the end: taking the first of many out of a list moves all others.
    for (const vma of process.vmasIn(address, end).reverse()) {
      yield* removeVma(vma)
      gone.push(vma)
    }
    for (const memory of process.memory.within(address, end)) process.memory.remove(memory)
  } finally {
    yield* release(process.mmapLock)
    yield* unwind(gone.map((vma) => () => vma.file.drop()))
  }
}

/** Pages first, then the strategy: a mapping that it tracks no more must have none (I4). */
function* removeVma(vma: Vma): Operation<void> {
  const { device, process } = vma
  yield* zapMapping(vma)
  yield* closed(vma)
  yield* effect(`unmap ${vma.id}`, [undefined], () => {
    device.unlink(vma)
    process.removeVma(vma)
  })
}

/**
 * Cuts the mapping that spans an address in two.
 *
 * The strategy learns of the pieces before it forgets the whole: who empties the mappings of a device
 * finds one of them at every moment, and waits for the mmap_lock that is held here.
 */
function* splitAt(process: Process, address: number): Operation<void> {
  splitMemoryAt(process, address)
  const vma = process.vmaAt(address)
  if (vma === undefined || vma.start === address) return
  const headPages = (address - vma.start) / PAGE_SIZE_BYTES
  const head = part(vma, vma.id, 0, headPages)
  const tail = part(vma, `${vma.id}+${headPages}`, headPages, vma.pages - headPages)
  const { device } = vma
  yield* effect(`split ${vma.id}`, [undefined], () => {
    process.removeVma(vma)
    device.unlink(vma)
    for (const piece of [head, tail]) {
      process.addVma(piece)
      device.link(piece)
    }
    vma.givePagesTo(tail, headPages)
    vma.givePagesTo(head, 0)
    vma.file.take()
  })
  for (const piece of [head, tail]) yield* opened(piece)
  yield* closed(vma)
}

function splitMemoryAt({ memory }: Process, address: number): void {
  const whole = memory.at(address)
  if (whole === undefined || whole.start === address) return
  const headPages = (address - whole.start) / PAGE_SIZE_BYTES
  memory.remove(whole)
  memory.add(whole.part(whole.id, 0, headPages))
  memory.add(whole.part(`${whole.id}+${headPages}`, headPages, whole.pages - headPages))
}

/** Tells the strategy of a mapping that came to be by fork or split. */
function* opened(vma: Vma): Operation<void> {
  const { device, followsMemory } = vma
  const { strategy } = device
  if (followsMemory && strategy.vmaOpened !== undefined) yield* strategy.vmaOpened(device, vma)
}

/** Tells the strategy of a mapping that has no pages any more and goes. */
function* closed(vma: Vma): Operation<void> {
  const { device, followsMemory } = vma
  const { strategy } = device
  if (followsMemory && strategy.vmaClosed !== undefined) yield* strategy.vmaClosed(device, vma)
}

function part(vma: Vma, id: string, firstPage: number, pages: number, process: Process = vma.process): Vma {
  const { file, backing, protection } = vma
  return new Vma({
    id,
    process,
    file,
    backing,
    start: vma.start + firstPage * PAGE_SIZE_BYTES,
    pages,
    spacePage: vma.spacePage + firstPage,
    backingPage: vma.backingPage + firstPage,
    protection,
  })
}

/**
 * Changes the protection of the mappings that lie in a range. What is present stays present.
 *
 * @throws VfioError EINVAL for an address inside a page, ENOMEM where nothing is mapped (what lies
 *   before the gap is changed), EACCES for execution where the kernel forbids it.
 * @throws RangeError for an address or length that is no number of bytes.
 */
export function* mprotect(
  process: Process,
  address: number,
  lengthBytes: number,
  protection: Protection,
): Operation<void> {
  refuseNoBytes(address, lengthBytes)
  if (address % PAGE_SIZE_BYTES !== 0)
    throw new VfioError('EINVAL', 'bad-alignment', `0x${address.toString(16)} is inside a page`)
  const end = address + pagesOf(lengthBytes) * PAGE_SIZE_BYTES
  yield* acquire(process.mmapLock)
  try {
    for (let at = address; at < end; ) {
      if (process.areaAt(at) === undefined)
        throw new VfioError('ENOMEM', 'bad-address', `nothing is mapped at 0x${at.toString(16)}`)
      yield* splitAt(process, at)
      yield* splitAt(process, end)
      const area = process.areaAt(at)!
      if (area instanceof Vma && protection.execute && area.file.profile.deviceFilesNoExec)
        throw new VfioError('EACCES', 'not-mappable', `${area.file.title} cannot be executed`)
      area.protection = protection
      at = area.end
    }
  } finally {
    yield* release(process.mmapLock)
  }
}

/**
 * Gives a new process the files and mappings of another. Pages of a device are shared, not copied:
 * the child sees what the parent has present, unless the strategy wants it to start empty.
 */
export function* fork(parent: Process, child: Process): Operation<void> {
  yield* acquire(parent.mmapLock)
  try {
    for (const fd of [...child.files.keys()]) yield* child.uninstall(fd).drop()
    for (const [fd, file] of parent.files) {
      file.take()
      child.installAt(fd, file)
    }
    for (const memory of parent.memory.all) child.addMemory(memory.forChild(`${memory.id}@${child.id}`))
    for (const vma of parent.vmas) {
      const copy = part(vma, `${vma.id}@${child.id}`, 0, vma.pages, child)
      yield* effect(`fork ${vma.id}`, [undefined], () => {
        child.addVma(copy)
        vma.device.link(copy)
        vma.file.take()
        vma.copyPagesTo(copy)
      })
      yield* opened(copy)
    }
  } finally {
    yield* release(parent.mmapLock)
  }
}

/** @throws RangeError for what is no number of bytes: a bug of the caller, not an errno. */
function refuseNoBytes(...amounts: readonly number[]): void {
  for (const amount of amounts)
    if (!Number.isSafeInteger(amount) || amount < 0) throw new RangeError(`${amount} is no number of bytes`)
}
