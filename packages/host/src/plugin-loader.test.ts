import { checkPlugin, createHost, type HostConfig, loadPlugin } from '@vfiokit/host'
import { unmapRange } from '@vfiokit/locking-strategies'
import { definePlugin, type Plugin } from '@vfiokit/plugin'
import { yamlReader } from '@vfiokit/topology'
import { describe, expect, test } from 'vitest'
import { defectsOf, folderWith } from './fixtures/folder.ts'

const INLINE = { functions: [{ bdf: '00:03.0', id: '1234:0002', class: '020000', iommuGroup: 1 }] }
const GOOD = `export default {
  kind: '@vfiokit/Plugin', name: 'toy', api: 1,
  regionProviders: [{ name: 'toy', matches: () => true, open: () => [] }],
}\n`

const refused = (folder: string, ...plugins: NonNullable<HostConfig['plugins']>) =>
  defectsOf(() => createHost({ topology: { inline: INLINE }, plugins, folder }), folder)
const nameOf = async (specifier: string, folder: string) => {
  const loaded = await loadPlugin(specifier, folder)
  return 'plugin' in loaded ? loaded.plugin.name : loaded.complaints
}

describe('a plugin is loaded', () => {
  test('by path from the folder of the config, or by absolute path', async () => {
    const folder = folderWith({ 'plugins/toy.mjs': GOOD })
    expect(await nameOf('./plugins/toy.mjs', folder)).toBe('toy')
    expect(await nameOf('../plugins/toy.mjs', `${folder}/plugins`)).toBe('toy')
    expect(await nameOf(`${folder}/plugins/toy.mjs`, '/')).toBe('toy')
  })

  const manifests = {
    main: { main: './entry.mjs' },
    'main without ./': { main: 'entry.mjs' },
    'exports as text': { exports: './entry.mjs' },
    'exports for import only': { exports: { import: './entry.mjs' } },
    'exports by condition and types': {
      exports: { '.': { types: './entry.d.ts', import: { types: './a.d.ts', default: './entry.mjs' } } },
    },
    'exports with an unknown condition first': {
      exports: { '.': { browser: './b.js', default: './entry.mjs' } },
    },
    'exports as a list': { exports: [{ browser: './b.js' }, './entry.mjs'] },
  }
  test.each(Object.entries(manifests))('by package name: %s', async (_what, manifest) => {
    const files = { 'package.json': JSON.stringify({ name: '@toys/toy', ...manifest }), 'entry.mjs': GOOD }
    const inside = (base: string) =>
      Object.fromEntries(Object.entries(files).map(([name, text]) => [`${base}/${name}`, text]))
    const folder = folderWith({ ...inside('node_modules/@toys/toy'), 'deep/er/host.yaml': '' })
    expect(await nameOf('@toys/toy', folder)).toBe('toy')
    expect(await nameOf('@toys/toy', `${folder}/deep/er`)).toBe('toy')
  })

  test('by a sub-path of a package', async () => {
    const manifest = JSON.stringify({ exports: { './plugin': './entry.mjs' } })
    const folder = folderWith({
      'node_modules/toy/package.json': manifest,
      'node_modules/toy/entry.mjs': GOOD,
      'node_modules/bare/package.json': '{}',
      'node_modules/bare/entry.mjs': GOOD,
    })
    expect(await nameOf('toy/plugin', folder)).toBe('toy')
    expect(await nameOf('bare/entry.mjs', folder)).toBe('toy')
    expect(await nameOf('toy', folder)).toEqual([expect.objectContaining({ code: 'plugin-not-found' })])
  })
})

describe('a plugin is refused', () => {
  const expected = (folder: string) => `expected a file, or a package that is installed for ${folder}`

  test.each(['./none.mjs', 'no-such-package', '@no/such', '.hidden', '', 'node_modules/../x'])(
    'that is not found: %s',
    async (specifier) => {
      const folder = folderWith({})
      expect(await refused(folder, specifier)).toEqual([
        `error: plugins.0: plugin ${specifier} is not found (${expected(folder)}) [plugin-not-found]`,
      ])
    },
  )

  test('whose package cannot be read', async () => {
    const folder = folderWith({ 'node_modules/toy/package.json': '{', 'node_modules/toy/index.js': GOOD })
    expect(await refused(folder, 'toy')).toEqual([expect.stringContaining('[plugin-not-found]')])
  })

  test.each([
    ['throws', "throw new TypeError('no\\nway')", 'TypeError: no'],
    ['throws text', "throw 'no way'", 'no way'],
    ['does not parse', 'export default {', ''],
    ['imports what is not there', "import 'no-such-package'", 'Error: '],
  ])('that %s when it is loaded', async (what, text, found) => {
    const folder = folderWith({ [`${what.replaceAll(' ', '-')}.mjs`]: text })
    const [line, ...rest] = await refused(folder, `./${what.replaceAll(' ', '-')}.mjs`)
    expect(rest).toEqual([])
    expect(line).toContain(`cannot be loaded (expected a module that loads, found ${found}`)
    expect(line).toMatch(/\[plugin-not-loaded\]$/)
  })

  test.each([
    ['nothing', 'export const a = 1', 'nothing'],
    ['a number', 'export default 7', 'number 7'],
    ['null', 'export default null', 'null'],
    ['a plain object', 'export default { name: "x", api: 1 }', 'an object'],
    ['a function', 'export default () => 1', 'a function'],
  ])('that exports %s by default', async (what, text, found) => {
    const file = `./${what.replaceAll(' ', '-')}.mjs`
    expect(await refused(folderWith({ [file]: text }), file)).toEqual([
      `error: plugins.0: plugin ${file}: default export (expected what definePlugin answers, found ${found}) [not-a-plugin]`,
    ])
  })

  test('of another interface version', () => {
    const checked = checkPlugin('old', definePlugin({ name: 'old', api: 2 }))
    expect(checked).toEqual({
      complaints: [{ code: 'plugin-api', message: 'plugin old: api', expected: '1', found: 'number 2' }],
    })
  })

  test('with every member that is missing, of a wrong type or unknown', () => {
    const plugin = {
      ...definePlugin({ name: 'bad', api: 1 }),
      name: 7,
      regionProviders: [{ name: 'a', matches: true, open: () => [] }, null],
      lockingStrategies: {},
      topologyReaders: [{ format: 'x', recognises: () => true }],
      regionProvider: [],
    }
    const checked = checkPlugin('bad', plugin)
    const found = 'complaints' in checked ? checked.complaints : []
    expect(found.map(({ message, expected, found }) => `${message}: ${expected}, ${found}`)).toEqual([
      'plugin bad: name: text, number 7',
      'plugin bad: unknown member regionProvider: kind, name, api, regionProviders, variantDrivers, resetMethods, capabilityHandlers, lockingStrategies, topologyReaders, string regionProvider',
      'plugin bad: regionProviders[0].matches: a function, boolean true',
      'plugin bad: regionProviders[1]: an object, null',
      'plugin bad: lockingStrategies: a list, an object',
      'plugin bad: topologyReaders[0].read: a function, nothing',
    ])
  })

  test('whose strategy lacks a verb', () => {
    const { excludeSet: _, ...rest } = unmapRange
    const plugin = definePlugin({ name: 'half', api: 1, lockingStrategies: [rest as never] })
    expect(checkPlugin('half', plugin)).toMatchObject({
      complaints: [{ message: 'plugin half: lockingStrategies[0].excludeSet' }],
    })
  })

  test('that is no plugin at all, as an object', async () => {
    expect(await refused('/', undefined as unknown as Plugin, {} as Plugin)).toEqual([
      expect.stringContaining('plugins.0: plugin 0: default export'),
      expect.stringContaining('plugins.1: plugin 1: default export'),
    ])
  })

  test('with all its defects and those of the others', async () => {
    const folder = folderWith({ 'bad.mjs': 'export default 1', 'good.mjs': GOOD })
    expect(await refused(folder, './none.mjs', './good.mjs', './bad.mjs')).toEqual([
      expect.stringContaining('plugins.0: plugin ./none.mjs is not found'),
      expect.stringContaining('plugins.2: plugin ./bad.mjs: default export'),
    ])
  })

  test.each(['unmap-range', 'naive'])('that brings a second strategy %s', async (name) => {
    const plugin = definePlugin({ name: 'again', api: 1, lockingStrategies: [{ ...unmapRange, name }] })
    expect(await refused('/', plugin)).toEqual([
      `error: plugins.0: plugin again: there is a strategy ${name} already (expected a name of its own, found ${name}) [name-taken]`,
    ])
  })

  test('that brings a strategy of another plugin, or a format that is read already', async () => {
    const mine = { ...unmapRange, name: 'mine' }
    const one = definePlugin({ name: 'one', api: 1, lockingStrategies: [mine] })
    const two = definePlugin({
      name: 'two',
      api: 1,
      lockingStrategies: [mine],
      topologyReaders: [yamlReader],
    })
    expect(await refused('/', one, two)).toEqual([
      expect.stringContaining('plugins.1: plugin two: there is a strategy mine already'),
      expect.stringContaining('plugins.1: plugin two: there is a format yaml already'),
    ])
  })
})
