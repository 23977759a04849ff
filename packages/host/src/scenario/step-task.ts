/** Runs the steps of a task, and tells the timeline how each of them went. */
import { type ControlledDriver, type Operation, progress, scoped } from '@vfiokit/locking'
import { VfioError, VfioSignal } from '@vfiokit/vfio-core'
import type { StepDocument, TaskDocument } from './scenario-schema.ts'
import type { Stage } from './stage.ts'
import { describeStep, runStep, stepOf } from './steps.ts'
import type { Timeline } from './timeline.ts'

/** Where tasks run. */
export interface TaskContext {
  readonly stage: Stage
  readonly driver: ControlledDriver
  readonly timeline: Timeline
}

/** Makes every task of a document known to the driver. */
export function spawnTasks(tasks: readonly TaskDocument[], context: TaskContext): void {
  for (const task of tasks)
    for (const name of namesOf(task)) context.driver.spawn(name, runTask(name, task, context))
}

function namesOf({ name, count = 1 }: TaskDocument): string[] {
  return count === 1 ? [name] : Array.from({ length: count }, (_, at) => `${name}.${at + 1}`)
}

function* runTask(name: string, task: TaskDocument, context: TaskContext): Operation<void> {
  for (const step of task.do)
    for (let turn = 0; turn < (step.repeat ?? 1); turn++) {
      let tries = 1
      while ((yield* runOnce(name, task, step, context)) === 'busy' && triesOf(step) > tries) tries++
      yield* progress()
    }
}

/** Bounded: who asks for ever would turn every deadlock of others into a run without an end. */
const TRIES_MAX = 100

function triesOf(step: StepDocument): number {
  return step['hot-reset']?.onBusy === 'retry' ? TRIES_MAX : 1
}

/** One step whose failures are answers: an errno or a signal ends the step, not the task. */
function* runOnce(
  name: string,
  { process }: TaskDocument,
  step: StepDocument,
  { stage, driver, timeline }: TaskContext,
): Operation<'ended' | 'busy'> {
  const [kind, args] = stepOf(step)
  const what = describeStep(step)
  const at = () => ({ step: driver.steps, task: name })
  try {
    const said = yield* scoped(kind, runStep({ stage, process }, step))
    if (said === undefined) timeline.add(at(), 'done', what)
    else timeline.add(at(), 'answer', `${what}: ${said}`)
  } catch (error) {
    if (VfioSignal.is(error)) {
      timeline.signal(at(), error, what, 'mapping' in args ? args.mapping : undefined)
    } else if (VfioError.is(error)) {
      timeline.refused(at(), error, what)
      if (VfioError.is(error, 'EBUSY')) {
        if (step['hot-reset']?.onBusy === 'fail') throw error
        return 'busy'
      }
    } else {
      timeline.add(at(), 'failed', `${what}: ${String(error)}`)
      throw error
    }
  }
  return 'ended'
}
