/** User memory that is pinned for devices. Kernel: `vfio_pin_pages_remote`, `vaddr_get_pfns`. */
import type { Operation } from '@vfiokit/locking'
import { AnonymousMemory } from '../mm/anonymous-memory.ts'
import type { Frame } from '../mm/frame.ts'
import { PAGE_SIZE_BYTES, pageOf } from '../mm/page.ts'
import { touchPage } from '../mm/page-touch.ts'
import type { Process } from '../mm/process.ts'
import { VfioError } from '../vfio-error.ts'
import { type PageSpan, PageSpans } from './page-spans.ts'

/** No user memory lies at or behind it on x86-64. Kernel: `TASK_SIZE_MAX`. */
const USER_MEMORY_END = 2n ** 47n

/** What one run of pinned pages shows. */
export interface PinnedRun extends PageSpan {
  frameAt(page: number): Frame
}

/** What a device is to be able to do; a page that does not allow it is not pinned. */
export interface DmaPermission {
  readonly read: boolean
  readonly write: boolean
}

/**
 * Pages as they were when they were pinned: whatever the process unmaps or maps over them later, the
 * device still reaches these.
 */
export class PinnedMemory {
  readonly #runs: PageSpans<PinnedRun>

  constructor(runs: PageSpans<PinnedRun>) {
    this.#runs = runs
  }

  /** @throws RangeError for a page behind the end. */
  frameAt(page: number): Frame {
    const run = this.#runs.at(page)
    if (run === undefined) throw new RangeError(`no page ${page} is pinned`)
    return run.frameAt(page - run.first)
  }
}

/**
 * Pins a range of user memory. Pages of a device are faulted in, so this may wait for its memory.
 *
 * @param address - A multiple of the page size.
 * @throws VfioError EFAULT where nothing is mapped, protection forbids it, or the fault of a page fails.
 */
export function* pinMemory(
  process: Process,
  address: bigint,
  pages: number,
  { write }: DmaPermission,
): Operation<PinnedMemory> {
  const need = write ? 'write' : 'read'
  const runs = new PageSpans<PinnedRun>()
  for (let pinned = 0; pinned < pages; ) {
    const at = address + BigInt(pinned) * BigInt(PAGE_SIZE_BYTES)
    if (at >= USER_MEMORY_END) throw notPinned(process, at)
    const area = process.areaAt(Number(at))
    if (area === undefined || !area.protection[need]) throw notPinned(process, at)
    const page = pageOf(Number(at) - area.start)
    if (area instanceof AnonymousMemory) {
      const count = Math.min(area.pages - page, pages - pinned)
      runs.add({ first: pinned, last: pinned + count - 1, frameAt: frameFrom(area, page) })
      pinned += count
      continue
    }
    let frame: Frame | undefined
    const outcome = yield* touchPage(area, page, need, (touched) => {
      frame = touched
    })
    if (outcome === 'sigbus') throw notPinned(process, at)
    // Otherwise what is mapped there changed meanwhile: the same page again.
    if (frame === undefined) continue
    runs.add({ first: pinned, last: pinned, frameAt: always(frame) })
    pinned++
  }
  return new PinnedMemory(runs)
}

function frameFrom(area: AnonymousMemory, first: number): (page: number) => Frame {
  return (page) => area.frameAt(first + page)
}

function always(frame: Frame): () => Frame {
  return () => frame
}

function notPinned(process: Process, address: bigint): VfioError {
  return new VfioError('EFAULT', 'bad-address', `0x${address.toString(16)} of ${process.id} cannot be pinned`)
}
