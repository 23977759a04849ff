/** The guide shows the files of this folder, word for word. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const read = (path: string) => readFileSync(fileURLToPath(new URL(path, import.meta.url)), 'utf8')
const guide: { filesOf(markdown: string): Map<string, string> } = await import(
  new URL('guide.mjs', import.meta.url).href
)
const shown = guide.filesOf(read('../../docs/guides/vendor.md'))

test.each([
  ['index.js', 'index.js'],
  ['host.yaml', 'host.yaml'],
  ['scenario.yaml', 'scenario.yaml'],
  ['index.test.js', 'index.test.ts'],
])('%s', (name, file) => {
  expect(shown.get(name)).toBe(read(file))
})

test('beside them it shows a manifest and the TypeScript of the plugin', () => {
  expect([...shown.keys()].sort()).toEqual(
    ['host.yaml', 'index.js', 'index.test.js', 'index.ts', 'package.json', 'scenario.yaml'].sort(),
  )
})
