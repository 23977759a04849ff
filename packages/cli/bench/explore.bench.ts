/** What `vfiokit explore` costs as a process, from its beginning to its end; the whole engine sampled beside it. */
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { median, printTable, SMOKE } from '../../../.tools/stopwatch.ts'

const PACKAGE = dirname(fileURLToPath(import.meta.resolve('vfiokit/package.json')))
const COMMAND = join(PACKAGE, 'dist/bin.js')
const SLOT = join(PACKAGE, '../../examples/researcher/slot.yaml')
const ROUNDS = SMOKE ? 1 : 5
const SIZES = SMOKE ? ['2:1:1'] : ['3:2:2', '4:1:2', '4:2:2']
const STRATEGIES = ['rfc-2021', 'vma-list', 'vma-list-device-set']
const RUNS = SMOKE ? 5 : 1000

coldProcesses()
wholeEngine()

function coldProcesses(): void {
  const rows = SIZES.map((size) => {
    const [devices, faults, resets] = size.split(':')
    const options = ['--devices', devices!, '--faults', faults!, '--resets', resets!]
    const seconds = STRATEGIES.map((strategy) => {
      const rounds = Array.from(
        { length: ROUNDS },
        () => explored('--strategy', strategy, ...options).cpuSeconds,
      )
      return median(rounds).toFixed(2)
    })
    return [size, ...seconds]
  })
  printTable(['process, CPU s', ...STRATEGIES], rows)
}

function wholeEngine(): void {
  const rows = ['unmap-range', 'vma-list'].map((strategy) => {
    const { result } = explored(
      '--strategy',
      strategy,
      '--mode',
      'sample',
      '--engine',
      '--runs',
      String(RUNS),
    )
    return [
      strategy,
      Math.round(RUNS / result.cpuSeconds),
      Math.round(result.transitions / result.cpuSeconds),
    ]
  })
  printTable(['whole engine, each CPU s', 'runs', 'steps'], rows)
}

interface Explored {
  /** Of the process, starting it included. */
  readonly cpuSeconds: number
  readonly result: { readonly cpuSeconds: number; readonly transitions: number }
}

function explored(...options: string[]): Explored {
  const words = [process.execPath, COMMAND, 'explore', SLOT, ...options, '--json']
  const { stdout, stderr } = spawnSync('bash', ['-c', '"$@"; times >&2', 'bash', ...words], {
    encoding: 'utf8',
  })
  // The second line is of children: user and system, as 0m1.234s.
  const children = stderr.trim().split('\n').at(-1)!
  const parts = [...children.matchAll(/(\d+)m([\d.]+)s/g)]
  const cpuSeconds = parts.reduce(
    (sum, [, minutes, seconds]) => sum + 60 * Number(minutes) + Number(seconds),
    0,
  )
  const [result] = JSON.parse(stdout).results
  if (result.verdict !== 'ok') throw new Error(`${options.join(' ')}: ${result.verdict}`)
  return { cpuSeconds, result }
}
