/**
 * What a verdict costs, in CPU seconds of this process, warm; and what SPIN takes for the same automata
 * with its own partial-order reduction, when it is installed. Its building is counted on its own.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exploreNow, lockdep, Model, type Program, promelaOf, runToEnd, sample } from '@vfiokit/explorer'
import { STRATEGIES } from '@vfiokit/locking-strategies'
import { printTable, SMOKE } from '../../../.tools/stopwatch.ts'
import { type SlotSize, slot } from '../src/fixtures/slot.ts'

const SIZES: readonly (readonly [devices: number, faults: number, resets: number])[] = SMOKE
  ? [[2, 1, 1]]
  : [
      [2, 2, 2],
      [3, 1, 2],
      [3, 2, 2],
      [4, 1, 2],
    ]
const ROUNDS = SMOKE ? 1 : 3
const SPIN_SECONDS_MAX = 60
/** SPIN takes minutes: it is asked of one strategy of each era. */
const PEERS = ['unmap-range', 'rfc-2021', 'vma-list']

samples()
for (const size of SIZES) verdicts(size)

function verdicts([devices, faults, resets]: (typeof SIZES)[number]): void {
  const rows = STRATEGIES.map((strategy) => {
    const size: SlotSize = { devices, faults, resets }
    const program = new Model(strategy, slot(size)).program()
    const [free, fair] = (['any-free-moment', 'queue-fair'] as const).map((semantics) =>
      best(() => exploreNow(program, { semantics, cpuSecondsMax: 60 })),
    )
    const { seconds, result } = free!
    const spin = SMOKE || !PEERS.includes(strategy.name) ? undefined : spinSeconds(program)
    return [
      `${strategy.name} ${devices}:${faults}:${resets}`,
      result.states,
      result.transitions,
      seconds.toFixed(3),
      (result.transitions / seconds / 1e6).toFixed(2),
      fair!.seconds.toFixed(3),
      (best(() => lockdep(program)).seconds * 1000).toFixed(1),
      spin?.pan ?? '-',
      spin?.build ?? '-',
    ]
  })
  const heading = [
    'devices:faults:resets',
    'states',
    'transitions',
    'CPU s',
    'M transitions/s',
    'fair, CPU s',
  ]
  printTable([...heading, 'lockdep, ms', 'SPIN, CPU s', 'its build, CPU s'], rows)
}

function samples(): void {
  const runs = SMOKE ? 100 : 100_000
  const rows = STRATEGIES.map((strategy) => {
    const program = new Model(strategy, slot({ devices: 2, faults: 2, resets: 2 })).program()
    const { seconds, result } = best(() => runToEnd(sample(program, { runs, sampler: 'walk' })))
    return [strategy.name, Math.round(runs / seconds), (result.transitions / seconds / 1e6).toFixed(1)]
  })
  printTable(['sampling 2:2:2', 'runs/s', 'M steps/s'], rows)
}

/** The best of some rounds, in CPU seconds. */
function best<T>(run: () => T): { readonly seconds: number; readonly result: T } {
  let seconds = Number.POSITIVE_INFINITY
  let result: T | undefined
  for (let round = 0; round <= ROUNDS; round++) {
    const start = process.cpuUsage()
    result = run()
    const { user, system } = process.cpuUsage(start)
    seconds = Math.min(seconds, (user + system) / 1e6)
  }
  return { seconds, result: result! }
}

/** @returns undefined without SPIN. */
function spinSeconds(program: Program): { readonly pan: string; readonly build: string } | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'vfiokit-spin-'))
  const run = (...args: string[]) => {
    const script = `ulimit -t ${SPIN_SECONDS_MAX}; ${args.join(' ')} > out; times`
    const out = execFileSync('bash', ['-c', script], { cwd: folder, encoding: 'utf8' })
    // The second line is of children: user and system, as 0m1.234s.
    const children = out.trim().split('\n')[1]!
    const parts = [...children.matchAll(/(\d+)m([\d.]+)s/g)]
    return parts.reduce((sum, [, minutes, seconds]) => sum + 60 * Number(minutes) + Number(seconds), 0)
  }
  try {
    writeFileSync(join(folder, 'model.pml'), promelaOf(program))
    const build = run('spin -a model.pml && gcc -O2 -DSAFETY -w -o pan pan.c')
    const pan = run('./pan -m1000000 -w24')
    // Out of time or of memory it is killed, and that is a lower bound.
    const isDone = readFileSync(join(folder, 'out'), 'utf8').includes('states, stored')
    return { pan: `${isDone ? '' : '> '}${pan.toFixed(2)}`, build: build.toFixed(2) }
  } catch {
    return undefined
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
