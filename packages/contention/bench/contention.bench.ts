/** What a comparison costs, in CPU seconds of this process: 5 simulated seconds for each strategy that ships. */
import { simulateNow } from '@vfiokit/contention'
import { STRATEGIES } from '@vfiokit/locking-strategies'
import { printTable, SMOKE } from '../../../.tools/stopwatch.ts'
import { slot } from '../src/fixtures/slot.ts'

const SIZES = SMOKE ? [2] : [1, 16, 64, 256]

const rows = SIZES.map((devices) => {
  const start = process.cpuUsage()
  const steps = STRATEGIES.reduce((sum, strategy) => sum + simulateNow(strategy, slot(devices)).steps, 0)
  const { user, system } = process.cpuUsage(start)
  const seconds = (user + system) / 1e6
  const nanoseconds = Math.round((seconds * 1e9) / steps)
  return [devices, 2 * devices + 3, steps, seconds.toFixed(2), nanoseconds]
})
printTable(['devices', 'tasks', 'steps of all strategies', 'CPU s', 'ns a step'], rows)
