/** What does one kind of step. */
import type { Operation } from '@vfiokit/locking'
import type { Stage } from './stage.ts'

/** Where a step runs. */
export interface StepContext {
  readonly stage: Stage
  readonly process: string
}

/** Takes the arguments of a step. */
export interface StepRunner<A> {
  /** @returns what a timeline says it came to, if there is anything to say beside that it is done. */
  // biome-ignore lint/suspicious/noConfusingVoidType: most steps answer nothing
  run(context: StepContext, args: A): Operation<string | undefined | void>
  /** What a timeline says of it, behind its name. */
  describe(args: A): string
}
