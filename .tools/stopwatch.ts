/** Measures rates and times in rounds; the median round counts, so that a busy machine does less harm. */

/** One round is enough to see that everything runs. */
export const SMOKE: boolean = process.argv.includes('--smoke')

const ROUNDS = SMOKE ? 1 : 7
const ROUND_MS = SMOKE ? 5 : 120

/** Milliseconds that this process has used of any core, its collector's too: what others do does not count. */
export function cpuClock(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/**
 * Nanoseconds of one call, as the median of rounds. `batch` runs so many calls.
 *
 * @param clock - In milliseconds; by default that on the wall.
 */
export function nanosecondsPerCall(batch: (count: number) => void, clock = () => performance.now()): number {
  const times: number[] = []
  let count = 64
  for (let round = 0; round <= ROUNDS; round++) {
    let elapsed = 0
    // The first round only finds out how many calls fill one.
    for (;;) {
      const start = clock()
      batch(count)
      elapsed = clock() - start
      if (elapsed >= ROUND_MS || (SMOKE && round > 0)) break
      count = Math.ceil(count * Math.max(2, ROUND_MS / Math.max(elapsed, 0.01) / 2))
    }
    if (round > 0) times.push((elapsed * 1e6) / count)
  }
  return median(times)
}

/** Milliseconds of one run after a set-up that is not counted, as the median of rounds. */
export function milliseconds(setUp: () => void, timed: () => void, rounds = SMOKE ? 1 : 5): number {
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    setUp()
    const start = performance.now()
    timed()
    times.push(performance.now() - start)
  }
  return median(times)
}

/** Prints a Markdown table. */
export function printTable(
  heading: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): void {
  console.log(`| ${heading.join(' | ')} |`)
  console.log(`|${heading.map((_, column) => (column === 0 ? '---' : '---:')).join('|')}|`)
  for (const row of rows) console.log(`| ${row.join(' | ')} |`)
  console.log('')
}

/** The middle value; of an even number of them the upper one of both. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!
}
