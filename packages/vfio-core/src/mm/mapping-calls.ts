/** mmap, munmap, mprotect, fork: what changes the map of a process. Kernel: mm/mmap.c, kernel/fork.c. */
import { acquire, effect, type Operation, release, zapMapping } from '@vfiokit/locking'
import { DeviceFile } from '../device-file.ts'
import { VfioError } from '../vfio-error.ts'
import { PAGE_SIZE_BYTES, pageOf, pagesOf } from './page.ts'
import type { Process } from './process.ts'
import { type Protection, Vma } from './vma.ts'

/** Arguments of an mmap. */
export interface MmapRequest {
  readonly fd: number
  /** Offset in the file, in bytes; a multiple of the page size. */
  readonly offset: number
  readonly lengthBytes: number
  readonly protection: Protection
  /** MAP_SHARED; without it, MAP_PRIVATE. */
  readonly shared: boolean
  /** What output calls the mapping; by default made from the device and a number. */
  readonly id?: string
}

let serial = 0

/**
 * Maps a part of a device. Never brings in a page: each comes with its first touch.
 *
 * @returns the address.
 * @throws VfioError EINVAL for a length of 0 or an unaligned offset, EBADF, ENODEV for a file that
 *   cannot be mapped, and whatever the driver refuses with.
 */
export function* mmap(process: Process, request: MmapRequest): Operation<number> {
  const { offset, lengthBytes } = request
  if (lengthBytes <= 0) throw new VfioError('EINVAL', 'bad-count', `length ${lengthBytes}`)
  if (offset % PAGE_SIZE_BYTES !== 0)
    throw new VfioError('EINVAL', 'bad-alignment', `offset 0x${offset.toString(16)} is inside a page`)
  const file = process.file(request.fd)
  if (!(file instanceof DeviceFile))
    throw new VfioError('ENODEV', 'not-a-device', `${file.title} cannot be mapped`)
  yield* acquire(process.mmapLock)
  try {
    const vma = admit(process, file, request)
    yield* effect(`map ${vma.id}`, [undefined], () => {
      process.addVma(vma)
      file.device.link(vma)
      file.take()
    })
    return vma.start
  } finally {
    yield* release(process.mmapLock)
  }
}

function admit(process: Process, file: DeviceFile, request: MmapRequest): Vma {
  const { device } = file
  const pages = pagesOf(request.lengthBytes)
  const page = pageOf(request.offset)
  const { shared, protection } = request
  const backing = device.driver.mmap({ page, pages, shared, protection })
  return new Vma({
    id: request.id ?? `${device.id}#${++serial}`,
    process,
    file,
    backing,
    start: process.reserve(pages),
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
  if (address % PAGE_SIZE_BYTES !== 0 || lengthBytes <= 0)
    throw new VfioError('EINVAL', 'bad-address', `munmap of 0x${address.toString(16)} + ${lengthBytes}`)
  const end = address + pagesOf(lengthBytes) * PAGE_SIZE_BYTES
  let gone: Vma[] = []
  yield* acquire(process.mmapLock)
  try {
    yield* splitAt(process, address)
    yield* splitAt(process, end)
    gone = process.vmasIn(address, end)
    for (const vma of gone) yield* removeVma(vma)
  } finally {
    yield* release(process.mmapLock)
  }
  for (const vma of gone) yield* vma.file.drop()
}

function* removeVma(vma: Vma): Operation<void> {
  const { device, process } = vma
  if (vma.followsMemory) yield* device.strategy.vmaClosed?.(device, vma) ?? nothing()
  yield* zapMapping(vma)
  yield* effect(`unmap ${vma.id}`, [undefined], () => {
    device.unlink(vma)
    process.removeVma(vma)
  })
}

/** Cuts the mapping that spans an address in two. */
function* splitAt(process: Process, address: number): Operation<void> {
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
  if (!vma.followsMemory) return
  yield* device.strategy.vmaClosed?.(device, vma) ?? nothing()
  for (const piece of [head, tail]) yield* device.strategy.vmaOpened?.(device, piece) ?? nothing()
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

/** Changes the protection of the mappings that lie in a range. */
export function* mprotect(
  process: Process,
  address: number,
  lengthBytes: number,
  protection: Protection,
): Operation<void> {
  const end = address + pagesOf(lengthBytes) * PAGE_SIZE_BYTES
  yield* acquire(process.mmapLock)
  try {
    yield* splitAt(process, address)
    yield* splitAt(process, end)
    const hit = process.vmasIn(address, end)
    if (hit.length === 0)
      throw new VfioError('ENOMEM', 'bad-address', `nothing is mapped at 0x${address.toString(16)}`)
    for (const vma of hit) vma.protection = protection
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
    for (const [fd, file] of parent.files) {
      file.take()
      child.installAt(fd, file)
    }
    for (const vma of parent.vmas) {
      const copy = part(vma, `${vma.id}@${child.id}`, 0, vma.pages, child)
      yield* effect(`fork ${vma.id}`, [undefined], () => {
        child.addVma(copy)
        vma.device.link(copy)
        vma.file.take()
        vma.copyPagesTo(copy)
      })
      if (vma.followsMemory) yield* vma.device.strategy.vmaOpened?.(vma.device, copy) ?? nothing()
    }
  } finally {
    yield* release(parent.mmapLock)
  }
}

function* nothing(): Operation<void> {}
