/** I5 at rest: whatever is mapped and may be touched can be touched, and what may not be gives SIGBUS. */
import { ControlledDriver, type InvariantMonitor, type Operation, randomSchedule } from '@vfiokit/locking'
import { VfioSignal, type Vma } from '@vfiokit/vfio-core'
import type { Stage } from './stage.ts'

/** Touches every mapping once, when all tasks have ended, and asks I5 of each. */
export function probe(stage: Stage, monitor: InvariantMonitor, lastStep: number): void {
  const driver = new ControlledDriver({ schedule: randomSchedule(0), watchers: [monitor.watch] })
  for (const name of stage.mappings.keys())
    for (const vma of stage.vmas(name)) {
      const at = { step: lastStep, task: `probe of ${name}` }
      driver.spawn(
        at.task,
        touch(stage, vma, (violated) => monitor.note('I5', at, violated)),
      )
    }
  driver.run()
}

function* touch(
  { processes }: Stage,
  vma: Vma,
  note: (violated: string | undefined) => void,
): Operation<void> {
  const calls = processes.get(vma.process.id)!
  const reachable = !vma.followsMemory || vma.device.cells.accessible.peek()
  const bytes = new Uint8Array(1)
  try {
    yield* vma.protection.read ? calls.load(vma.start, bytes) : calls.store(vma.start, bytes)
    note(reachable ? undefined : 'memory that is off can be touched')
  } catch (error) {
    if (!VfioSignal.is(error)) throw error
    note(reachable ? `memory that is on cannot be touched: ${error.message}` : undefined)
  }
}
