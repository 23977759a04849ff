/**
 * What a verdict costs, in CPU seconds of this process, warm; and what SPIN takes for the same automata, with
 * or without its own partial-order reduction, whichever is faster, when it is installed. Its building is
 * counted on its own.
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
      [4, 2, 2],
    ]
const ROUNDS = SMOKE ? 1 : 3
const SPIN_SECONDS_MAX = 60
/** Faulting threads in all: with more SPIN comes to no end in that time, under any strategy. */
const SPIN_THREADS_MAX = 6

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
    const isTooLarge = devices * faults > SPIN_THREADS_MAX
    const spin = SMOKE || isTooLarge ? undefined : spinSeconds(program)
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

interface SpinSeconds {
  readonly pan: string
  readonly build: string
}

/** @returns undefined without SPIN. */
function spinSeconds(program: Program): SpinSeconds | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'vfiokit-spin-'))
  try {
    writeFileSync(join(folder, 'model.pml'), promelaOf(program))
    const build = cpuSecondsOf(folder, 'spin -a model.pml && gcc -O2 -DSAFETY -w -o pan pan.c')
    const reduced = panSeconds(folder)
    // Where the reduction comes to no end, the search without it does not either.
    if (reduced.isDone) cpuSecondsOf(folder, 'gcc -O2 -DSAFETY -DNOREDUCE -w -o pan pan.c')
    const full = reduced.isDone ? panSeconds(folder) : reduced
    const pan = full.isDone ? Math.min(reduced.seconds, full.seconds) : reduced.seconds
    return { pan: `${reduced.isDone ? '' : '> '}${pan.toFixed(2)}`, build: build.toFixed(2) }
  } catch {
    return undefined
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Out of time or of memory it is killed, and what it took is a lower bound. */
function panSeconds(folder: string): { readonly seconds: number; readonly isDone: boolean } {
  const seconds = cpuSecondsOf(folder, './pan -m1000000 -w24')
  return { seconds, isDone: readFileSync(join(folder, 'out'), 'utf8').includes('states, stored') }
}

function cpuSecondsOf(cwd: string, command: string): number {
  const script = `ulimit -t ${SPIN_SECONDS_MAX}; ${command} > out; times`
  const out = execFileSync('bash', ['-c', script], { cwd, encoding: 'utf8' })
  // The second line is of children: user and system, as 0m1.234s.
  const children = out.trim().split('\n')[1]!
  const parts = [...children.matchAll(/(\d+)m([\d.]+)s/g)]
  return parts.reduce((sum, [, minutes, seconds]) => sum + 60 * Number(minutes) + Number(seconds), 0)
}
