/** The guide shows the files of this folder, word for word, and what its scripts of calls print. */
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
const read = (relative: string) => readFileSync(path(relative), 'utf8')
const guide: {
  filesOf(markdown: string): Map<string, string>
  recordingsOf(markdown: string): { script: string; host: string; lines: string[] }[]
  stepsOfSection(
    markdown: string,
    heading: string,
  ): ({ do: 'change' } | { do: 'run'; commands: string; lines: string[] })[]
  missingLines(lines: readonly string[], printed: string): string[]
} = await import(new URL('guide.mjs', import.meta.url).href)
/** What the parts on variant drivers show. */
const VARIANTS = [
  ...['overrides.js', 'overrides.vs', 'migration.js', 'migration.vs', 'variants.yaml'],
  ...['cards.yaml', 'move.yaml', 'precopy.yaml'],
]
const page = read('../../docs/guides/vendor.md')
const shown = guide.filesOf(page)
const recordings = guide.recordingsOf(page)

test.each<readonly [name: string, file: string]>([
  ['index.js', 'index.js'],
  ['host.yaml', 'host.yaml'],
  ['scenario.yaml', 'scenario.yaml'],
  ['index.test.js', 'index.test.ts'],
  ['variants.test.js', 'variants.test.ts'],
  ...VARIANTS.map((name) => [name, name] as const),
])('%s', (name, file) => {
  expect(shown.get(name)).toBe(read(file))
})

test('beside them it shows a manifest and the TypeScript of the plugin', () => {
  expect([...shown.keys()].sort()).toEqual(
    [
      ...['host.yaml', 'index.js', 'index.test.js', 'index.ts', 'package.json', 'scenario.yaml'],
      ...VARIANTS,
      'variants.test.js',
    ].sort(),
  )
})

test('it records both scripts of calls', () => {
  expect(recordings.map(({ script }) => script)).toEqual(['overrides.vs', 'migration.vs'])
})

test.each(recordings)('what $script prints', ({ script, host, lines }) => {
  const args = [path('../../.tools/vfiokit.mjs'), 'record', script, '--host', host]
  const env = { ...process.env, INIT_CWD: path('.') }
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: path('.'), env, encoding: 'utf8' })
  const printed = stdout.split('\n')
  expect([lines.filter((line) => !printed.includes(line)), stderr]).toEqual([[], ''])
})

/** In the place of the driver that the reader makes: the sample, with a BAR cut as there. */
const STAND_IN = `import { migrationSample } from '${path('../../packages/region-providers/migration-sample/dist/index.js')}'
const open = (host) => ({ ...migrationSample.open(host), bars: { 0: { visibleBytes: 4096 } } })
const driver = { name: 'brightline-move', matches: (fn) => fn.deviceId === 3, open }
export default { kind: '@vfiokit/Plugin', name: 'brightline-move', api: 1, variantDrivers: [driver] }
`

test('what the migrations print, one after the other', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'vfiokit-guide-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const name of ['cards.yaml', 'move.yaml', 'precopy.yaml']) copyFileSync(path(name), join(folder, name))
  mkdirSync(join(folder, 'brightline-move/dist'), { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}')
  writeFileSync(join(folder, 'brightline-move/dist/index.js'), STAND_IN)
  const env = { ...process.env, INIT_CWD: folder }
  const runs = guide
    .stepsOfSection(page, 'Migration')
    .flatMap((step) => (step.do === 'run' && /vfiokit run|grep/.test(step.commands) ? [step] : []))
  expect(runs).toHaveLength(4)
  for (const { commands, lines } of runs) {
    const own = commands.replace('npx vfiokit', `node ${path('../../.tools/vfiokit.mjs')}`)
    const { stdout } = spawnSync('bash', ['-c', own], { cwd: folder, env, encoding: 'utf8' })
    expect([commands, guide.missingLines(lines, stdout)]).toEqual([commands, []])
  }
})
