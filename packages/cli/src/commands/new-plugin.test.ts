import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { vfiokit } from '../fixtures/command-line.ts'

const before = process.cwd()
let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vfiokit-plugin-'))
  process.chdir(folder)
})
afterEach(() => {
  process.chdir(before)
  rmSync(folder, { recursive: true, force: true })
})

const read = (path: string) => readFileSync(join(folder, path), 'utf8')

describe.each(['region', 'variant', 'strategy', 'reader'])('plugin new --kind %s', (kind) => {
  test('writes a package of that name, with nothing of the template left in it', async () => {
    const { code, out, err } = await vfiokit(['plugin', 'new', '@acme/fast-card', '--kind', kind, '--json'])
    expect([code, err]).toEqual([0, ''])
    const { files, ...rest } = JSON.parse(out)
    expect(rest).toEqual({
      name: '@acme/fast-card',
      kind,
      folder: 'fast-card',
      next: 'cd fast-card && npm install && npm test && npm start',
    })
    for (const file of files) expect(read(file)).not.toMatch(/plugin-name|pluginName|0\.0\.0-vfiokit/)
    expect(files).toContain('fast-card/.gitignore')
    expect(files).toContain('fast-card/.github/workflows/ci.yml')
    const manifest = JSON.parse(read('fast-card/package.json'))
    expect(manifest.name).toBe('@acme/fast-card')
    expect(manifest.dependencies['@vfiokit/plugin']).toMatch(/^\^\d+\.\d+\.\d+$/)
    expect(read('fast-card/src/index.test.ts')).toContain('fastCard')
  })

  test('says in words what to do next', async () => {
    const { out } = await vfiokit(['plugin', 'new', 'card', '--kind', kind])
    expect(out).toMatch(/^card\/\.github[\s\S]*\n\ncd card && npm install && npm test && npm start\n$/)
  })
})

test('a name that begins with a digit is still a name in code', async () => {
  await vfiokit(['plugin', 'new', '3d-card'])
  expect(read('3d-card/src/index.ts')).toContain('export const plugin3dCardRegions:')
})

test.each([
  ['card', 'variant', 'cardVariant'],
  ['status', 'region', 'statusRegions'],
  ['default', 'strategy', 'defaultStrategy'],
  ['table-reader', 'reader', 'tableReader'],
])('%s of kind %s exports %s, which is no other word of the template', async (name, kind, exported) => {
  await vfiokit(['plugin', 'new', name, '--kind', kind])
  const files = readdirSync(join(folder, name, 'src')).map((file) => read(`${name}/src/${file}`))
  const defined = files.flatMap(
    (text) => text.match(new RegExp(`(?:const|function) ${exported}\\b`, 'g')) ?? [],
  )
  expect(defined).toHaveLength(1)
})

describe('is refused with 2, and nothing is written:', () => {
  test.each([
    [['Acme Card'], 'is no name of a package'],
    [['../card'], 'is no name of a package'],
    [['node_modules'], 'is no name of a package'],
    [[''], 'is no name of a package'],
    [['card', '--kind', 'driver'], 'Allowed choices are region, variant, strategy, reader'],
    [[], 'missing required argument'],
  ])('%j', async (args, said) => {
    const { code, out, err } = await vfiokit(['plugin', 'new', ...args])
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(said)
    expect(readdirSync(folder)).toEqual([])
  })

  test('a folder that has something in it', async () => {
    await vfiokit(['plugin', 'new', 'card'])
    writeFileSync(join(folder, 'card/src/index.ts'), 'mine')
    const { code, err } = await vfiokit(['plugin', 'new', '@other/card'])
    expect(code).toBe(2)
    expect(err).toContain('card is there already (expected a folder that is new or empty)')
    expect(read('card/src/index.ts')).toBe('mine')
  })
})
