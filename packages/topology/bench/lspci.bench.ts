/**
 * `vfiokit topo --tree` beside lspci and lstopo on the same generated sysfs trees, as whole processes.
 *
 * Counts CPU seconds (user + system), each command in turn, and prints ratios: the machine's noise then hits both.
 * Needs Debian's pciutils and hwloc-nox; without them only our own figures are printed.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { printTable, SMOKE } from '../../../.tools/stopwatch.ts'
import { writeSysfsTree } from './sysfs-tree.ts'

const CLI = new URL('../../../cli/dist/bin.js', import.meta.url).pathname
const ROUNDS = SMOKE ? 1 : 3
const SIZES = SMOKE ? [200] : [1_000, 10_000, 20_000]

/** What is run, given where the tree is. */
const PEERS: Readonly<Record<string, (sys: string) => readonly string[]>> = {
  'lspci -t': (sys) => ['lspci', '-O', `sysfs.path=${sys}/bus/pci`, '-t'],
  'lspci -n': (sys) => ['lspci', '-O', `sysfs.path=${sys}/bus/pci`, '-n'],
  // Where its tree is, its environment says.
  lstopo: () => ['lstopo-no-graphics', '--whole-io', '--no-collapse', '--of', 'console'],
}

const rows: string[][] = []
for (const size of SIZES) {
  const folder = mkdtempSync(join(tmpdir(), 'vfiokit-tree-'))
  try {
    const sys = join(folder, 'sys')
    const count = writeSysfsTree(sys, size)
    const times = measure(
      [
        [process.execPath, CLI, 'topo', '--tree', '--from', sys],
        ...Object.values(PEERS).map((command) => command(sys)),
      ],
      { ...process.env, HWLOC_FSROOT: folder },
    )
    const [ours, ...peers] = times
    const ratios = peers.map((peer) =>
      peer === undefined ? 'not installed' : `${peer.toFixed(2)} (${(ours! / peer).toFixed(2)})`,
    )
    rows.push([count.toLocaleString('en'), ours!.toFixed(2), ...ratios, ((ours! * 1e6) / count).toFixed(0)])
  } finally {
    rmSync(folder, { recursive: true })
  }
}
printTable(
  [
    'functions',
    'topo --tree, CPU s',
    ...Object.keys(PEERS).map((name) => `${name}, CPU s (ratio)`),
    'µs each',
  ],
  rows,
)

/** Median CPU seconds of each command, run in turn; undefined for what is not installed. */
function measure(commands: readonly (readonly string[])[], env: NodeJS.ProcessEnv): (number | undefined)[] {
  const times: number[][] = commands.map(() => [])
  for (let round = 0; round <= ROUNDS; round++)
    for (const [at, command] of commands.entries()) {
      const seconds = cpuSeconds(command, env)
      // The first round only warms the file cache.
      if (seconds !== undefined && round > 0) times[at]!.push(seconds)
    }
  return times.map((each) => [...each].sort((a, b) => a - b)[each.length >> 1])
}

/** What the shell accounts to its children. */
function cpuSeconds(command: readonly string[], env: NodeJS.ProcessEnv): number | undefined {
  const script = 'command -v "$1" > /dev/null || exit 127; "$@" > /dev/null; times'
  const { status, stdout } = spawnSync('bash', ['-c', script, '_', ...command], { env, encoding: 'utf8' })
  if (status === 127) return undefined
  const times = [...stdout.matchAll(/(\d+)m([\d.]+)s/g)].slice(-2)
  return times.reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0)
}
