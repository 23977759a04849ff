/**
 * Steps that a client can do again and again: what a round takes away it gives back at its end.
 *
 * A scenario may turn memory off, or unmap, once and for all. In a loop everybody would then find
 * nothing but that, and the figures would be those of a machine at rest.
 */
import type { Workload, WorkStep } from '../workload.ts'

/** Undoes what is left of some steps on one object, of which these are all. */
type Undo = (steps: readonly WorkStep[], workload: Workload) => readonly WorkStep[]

/** How much of a step's kind is undone, by the kinds that belong together. */
const UNDO: { readonly [what in WorkStep['do']]?: Undo } = {
  'set-memory': ([last]) => (last?.do === 'set-memory' && !last.on ? [{ ...last, on: true }] : []),
  power: ([last]) => (last?.do === 'power' && last.state !== 'D0' ? [{ ...last, state: 'D0' }] : []),
  open: balanced,
  close: balanced,
  mmap: asMapped,
  munmap: asMapped,
}

/** What steps are about: only steps on the same thing undo each other. */
function subjectOf(step: WorkStep): string | undefined {
  if (step.do === 'open' || step.do === 'close') return `open ${step.device}`
  if (step.do === 'mmap' || step.do === 'munmap') return `mapping ${step.mapping}`
  return step.do === 'set-memory' || step.do === 'power' ? `${step.do} ${step.device}` : undefined
}

/** The steps, with what undoes them behind. */
export function closedLoop(steps: readonly WorkStep[], workload: Workload): readonly WorkStep[] {
  // The last one first: it is the one that counts.
  const bySubject = new Map<string, WorkStep[]>()
  for (const step of [...steps].reverse()) {
    const subject = subjectOf(step)
    if (subject === undefined) continue
    const same = bySubject.get(subject)
    if (same === undefined) bySubject.set(subject, [step])
    else same.push(step)
  }
  const undone = [...bySubject.values()].flatMap((same) => UNDO[same[0]!.do]!(same, workload))
  return [...steps, ...undone]
}

/** As many opens as closes. */
function balanced(steps: readonly WorkStep[]): readonly WorkStep[] {
  const opened = steps.reduce((sum, step) => sum + (step.do === 'open' ? 1 : -1), 0)
  const { device } = steps[0] as WorkStep & { readonly do: 'open' | 'close' }
  const undo: WorkStep = { do: opened > 0 ? 'close' : 'open', device }
  return Array.from({ length: Math.abs(opened) }, () => undo)
}

/** Mapped in the end if it was so in the beginning. */
function asMapped([last]: readonly WorkStep[], { mappings }: Workload): readonly WorkStep[] {
  if (last?.do !== 'mmap' && last?.do !== 'munmap') return []
  const wasMapped = mappings.find(({ name }) => name === last.mapping)?.later !== true
  const isMapped = last.do === 'mmap'
  return wasMapped === isMapped ? [] : [{ do: wasMapped ? 'mmap' : 'munmap', mapping: last.mapping }]
}
