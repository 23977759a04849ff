/** Shortens a schedule that fails: fewer turns, and fewer switches between tasks, say more about why. */

/** Whose turn it is, step by step. */
export type TaskSequence = readonly string[]

/** Some runs are enough: each costs a machine, and most of what can be gained is gained early. */
const TRIES_MAX = 300

/**
 * Leaves turns out, and brings those of one task together, one at a time, for as long as it still fails.
 *
 * @param fails - Takes a schedule, and answers the part of it that was needed to fail in the same way.
 */
export async function shortened(
  schedule: TaskSequence,
  fails: (candidate: TaskSequence) => Promise<TaskSequence | undefined>,
): Promise<TaskSequence> {
  let best = schedule
  let tries = 0
  for (let isBetter = true; isBetter; ) {
    isBetter = false
    for (const candidate of withFewerSwitches(best)) {
      if (tries++ >= TRIES_MAX) return best
      const needed = await fails(candidate)
      if (needed === undefined || switchesOf(needed) >= switchesOf(best)) continue
      best = needed
      isBetter = true
      break
    }
  }
  return best
}

/** How often another task than before has its turn. */
export function switchesOf(schedule: TaskSequence): number {
  return schedule.filter((task, at) => at > 0 && task !== schedule[at - 1]).length
}

/** Without one of its turns; then, for each two turns of a task, one of them moved to the other. */
function* withFewerSwitches(schedule: TaskSequence): Generator<TaskSequence> {
  const turns = turnsOf(schedule)
  for (const left of turns.keys()) yield turns.filter((_, at) => at !== left).flat()
  for (const [at, turn] of turns.entries()) {
    const next = turns.findIndex((other, index) => index > at + 1 && other[0] === turn[0])
    if (next < 0) continue
    const between = turns.slice(at + 1, next)
    const behind = turns.slice(next + 1)
    const before = turns.slice(0, at)
    yield [...before, turn, turns[next]!, ...between, ...behind].flat()
    yield [...before, ...between, turn, turns[next]!, ...behind].flat()
  }
}

function turnsOf(schedule: TaskSequence): string[][] {
  const turns: string[][] = []
  for (const task of schedule) {
    const last = turns.at(-1)
    if (last?.[0] === task) last.push(task)
    else turns.push([task])
  }
  return turns
}
