/** One touch of one page through a mapping, by a processor or by the kernel for a system call. */
import { type FaultOutcome, type Operation, touch } from '@vfiokit/locking'
import { AnonymousMemory } from './anonymous-memory.ts'
import type { Frame } from './frame.ts'
import { allows, type Vma } from './vma.ts'

/**
 * Touches a page of a mapping, faulting it in if need be; memory of the process's own never faults.
 *
 * @param use - Done in the step that finds the page, with the protection still as needed.
 * @returns nopage when `use` was done; sigsegv when the mapping was unmapped, cut in two or protected
 *   meanwhile, so whoever asked looks the address up again.
 */
export function* touchPage(
  vma: Vma | AnonymousMemory,
  page: number,
  need: 'read' | 'write',
  use: (frame: Frame) => void,
): Operation<FaultOutcome> {
  if (vma instanceof AnonymousMemory) {
    use(vma.frameAt(page))
    return 'nopage'
  }
  const { device } = vma
  let forbidden = false
  const useIfAllowed = () => {
    forbidden = !allows(vma.protection, need)
    if (!forbidden) use(vma.frameAt(page)!)
  }
  const outcome = yield* touch(
    device.strategy,
    device,
    vma,
    page,
    () => vma.backing.fault(vma, page),
    useIfAllowed,
  )
  return forbidden ? 'sigsegv' : outcome
}
