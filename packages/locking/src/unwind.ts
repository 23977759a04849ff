/** Putting back what was taken, all of it, whatever goes wrong on the way. */
import { type Body, type Operation, run } from './op.ts'

/**
 * Runs every body in order, also those behind one that throws. For `finally` blocks that give back a
 * number of locks which is known only at run time.
 *
 * @throws what was thrown first, after the last body has run.
 */
export function* unwind(bodies: readonly Body<void>[]): Operation<void> {
  const thrown: unknown[] = []
  for (const body of bodies) {
    try {
      yield* run(body)
    } catch (error) {
      thrown.push(error)
    }
  }
  if (thrown.length > 0) throw thrown[0]
}
