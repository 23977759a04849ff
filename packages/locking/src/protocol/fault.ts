/**
 * Fault: a page of a mapping is touched that is not there.
 *
 *   mmap_lock (read)   held by the memory manager around every fault
 *     still linked?    munmap may have come first
 *     read side        the strategy's locks
 *       test, insert   the body
 *
 * Kernel: `vfio_pci_mmap_page_fault`, `vfio_pci_mmap_huge_fault`.
 */
import { DerivedCell, get } from '../cell.ts'
import { label } from '../effect.ts'
import { DENIED, guarded } from '../guarded.ts'
import type { MappingHandle } from '../handles.ts'
import { acquire, release } from '../lock.ts'
import type { Operation, Step } from '../op.ts'
import { access, insert, isLinked } from '../page-ops.ts'
import type { AnyLockingStrategy, FaultBody, FaultOutcome } from '../strategy.ts'
import type { ProtocolDevice } from './protocol-device.ts'

const ALWAYS = get(new DerivedCell('always', [], () => true))

/**
 * Tests whether memory may be touched, then inserts.
 *
 * The test must come first: a page inserted before it is reachable while memory is off (I1).
 */
export function faultBody(device: ProtocolDevice, mapping: MappingHandle, page: number | 'all'): FaultBody {
  return {
    whole: page === 'all',
    admit: () => (mapping.followsMemory ? get(device.cells.mappable) : ALWAYS),
    act: () => insert(mapping, page),
  }
}

/**
 * As {@link faultBody}, for pages whose frames somebody else supplies, such as a region provider. If one
 * of them has no frame, none is inserted.
 *
 * @param pages - The page that was touched, or every page where a fault brings in the whole mapping.
 * @param supply - Asked with the locks held; undefined means there is no such page.
 */
export function suppliedFaultBody<F>(
  device: ProtocolDevice,
  mapping: MappingHandle,
  pages: readonly number[],
  supply: (page: number) => Step<F | undefined>,
): FaultBody {
  const frames: F[] = []
  return {
    whole: pages.length > 1,
    admit: () => supplyFrames(device, mapping, pages, supply, frames),
    act: () =>
      pages.length === 1 ? insert(mapping, pages[0]!, frames[0]) : insertFrames(mapping, pages, frames),
  }
}

/** Asks for every frame, if memory may be touched. False where one is missing. */
function* supplyFrames<F>(
  device: ProtocolDevice,
  mapping: MappingHandle,
  pages: readonly number[],
  supply: (page: number) => Step<F | undefined>,
  frames: F[],
): Operation<boolean> {
  if (mapping.followsMemory && !(yield* get(device.cells.mappable))) return false
  for (const page of pages) {
    const frame = yield* supply(page) as Operation<F | undefined>
    if (frame === undefined) return false
    frames.push(frame)
  }
  return true
}

function* insertFrames(
  mapping: MappingHandle,
  pages: readonly number[],
  frames: readonly unknown[],
): Operation<void> {
  for (const [at, page] of pages.entries()) yield* insert(mapping, page, frames[at])
}

/**
 * Serves one fault. A mapping whose pages do not follow the memory of the device has a handler of its
 * own in the kernel: no lock of the strategy is taken, and no strategy ever zaps it.
 */
export function* handleFault(
  strategy: AnyLockingStrategy,
  device: ProtocolDevice,
  mapping: MappingHandle,
  body: FaultBody,
): Operation<FaultOutcome> {
  const { mmapLock } = mapping.process
  yield* acquire(mmapLock, 'read')
  try {
    if (!(yield* isLinked(mapping))) return 'sigsegv'
    if (mapping.followsMemory && strategy.fault !== undefined)
      return yield* strategy.fault(device, mapping, body)
    const side = mapping.followsMemory ? strategy.readSide(device) : []
    return (yield* guarded(side, body)) === DENIED ? 'sigbus' : 'nopage'
  } finally {
    yield* release(mmapLock, 'read')
  }
}

/**
 * Touches one page as user space does, faulting until it is there or the fault fails: between the
 * fault and the access somebody may zap it again.
 *
 * @param use - What the access does with the page, in the step that finds it.
 */
export function* touch(
  strategy: AnyLockingStrategy,
  device: ProtocolDevice,
  mapping: MappingHandle,
  page: number,
  body: () => FaultBody,
  use?: () => void,
): Operation<FaultOutcome> {
  for (;;) {
    yield* label('touch', mapping.id, page)
    if (yield* access(mapping, page, use)) return 'nopage'
    const outcome = yield* handleFault(strategy, device, mapping, body())
    if (outcome !== 'nopage') return outcome
  }
}
