/** The guide shows the files of this folder, word for word, and what its scripts of calls print. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
const read = (relative: string) => readFileSync(path(relative), 'utf8')
const guide: {
  filesOf(markdown: string): Map<string, string>
  recordingsOf(markdown: string): { script: string; host: string; lines: string[] }[]
} = await import(new URL('guide.mjs', import.meta.url).href)
const page = read('../../docs/guides/vendor.md')
const shown = guide.filesOf(page)
const recordings = guide.recordingsOf(page)

test.each<readonly [name: string, file: string]>([
  ['index.js', 'index.js'],
  ['host.yaml', 'host.yaml'],
  ['scenario.yaml', 'scenario.yaml'],
  ['index.test.js', 'index.test.ts'],
  ...['overrides.js', 'overrides.vs', 'migration.js', 'migration.vs', 'variants.yaml'].map(
    (name) => [name, name] as const,
  ),
])('%s', (name, file) => {
  expect(shown.get(name)).toBe(read(file))
})

test('beside them it shows a manifest and the TypeScript of the plugin', () => {
  expect([...shown.keys()].sort()).toEqual(
    [
      ...['host.yaml', 'index.js', 'index.test.js', 'index.ts', 'package.json', 'scenario.yaml'],
      ...['overrides.js', 'overrides.vs', 'migration.js', 'migration.vs', 'variants.yaml'],
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
