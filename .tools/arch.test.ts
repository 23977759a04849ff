/**
 * The rules of the module graph can fail: a tree with one violation of each is cruised once,
 * beside every import that the table allows.
 */
import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import config from '../.dependency-cruiser.mjs'
import { layerOfFile, layerOfImport, MAY_IMPORT, packageName, REGION_PROVIDERS } from './layers.mjs'

const repository = fileURLToPath(new URL('..', import.meta.url))
const cruiser = join(repository, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs')
const layers = Object.keys(MAY_IMPORT)
const folderOf = (layer: string, plugin = 'acme-sample') => `packages/${layer.replace('*', plugin)}`
const subPaths = ['module', 'node']

/** One file for each violation, and the rules that must name it. Nothing else may be reported. */
const planted: readonly { file: string; text: string; rules: readonly string[] }[] = [
  {
    file: 'packages/plugin/src/value.ts',
    text: `import { Bdf } from '@vfiokit/topology'\nexport const bdf = Bdf`,
    rules: ['plugin-imports-types-only'],
  },
  {
    file: 'packages/vfio-pci/src/wired.ts',
    text: `import { Container } from 'inversify'\nexport const c = Container`,
    rules: ['container-at-the-edge'],
  },
  {
    file: 'packages/vfio-pci/src/region/module.ts',
    text: `import { Container } from 'inversify'\nexport const c = Container`,
    rules: ['container-at-the-edge'],
  },
  {
    file: 'packages/cli/src/reflect.ts',
    text: `import 'reflect-metadata'`,
    rules: ['container-at-the-edge'],
  },
  ...['locking', 'locking-strategies', 'contention', 'vfio-core', 'vfio-pci', 'topology'].map((layer) => ({
    file: `packages/${layer}/src/reads-files.ts`,
    text: `import { readFileSync } from 'node:fs'\nexport const r = readFileSync`,
    rules: [`${layer}-without-node`],
  })),
  {
    file: 'packages/vfio-core/src/chooses.ts',
    text: `import '@vfiokit/locking-strategies'`,
    rules: ['strategy-imported', 'vfio-core-imports'],
  },
  {
    file: 'packages/cli/src/loads-plugin.ts',
    text: `import '@vfiokit/region-acme-sample'`,
    rules: ['cli-imports', 'region-provider-imported'],
  },
  {
    file: 'packages/region-providers/acme-sample/src/leaks-suite.ts',
    text: `import '@vfiokit/testkit'`,
    rules: ['region-providers-imports', 'testkit-in-tests-only'],
  },
  {
    file: 'packages/region-providers/acme-sample/src/copies.ts',
    text: `import '@vfiokit/region-other'`,
    rules: ['region-providers-imports'],
  },
  { file: 'examples/vendor/suite.ts', text: `import '@vfiokit/testkit'`, rules: ['testkit-in-tests-only'] },
  {
    file: 'packages/hardware/src/by-path.ts',
    text: `import '../../topology/src/index.ts'`,
    rules: ['across-packages-by-name'],
  },
  {
    file: 'packages/hardware/src/by-path.test.ts',
    text: `import '../../topology/src/index.ts'`,
    rules: ['across-packages-by-name'],
  },
  {
    file: 'packages/region-providers/other/src/by-path.test.ts',
    text: `import '../../acme-sample/src/index.ts'`,
    rules: ['across-packages-by-name'],
  },
  {
    file: 'examples/tool/by-path.ts',
    text: `import '../../packages/topology/src/index.ts'`,
    rules: ['examples-by-name'],
  },
  {
    file: 'packages/host/src/shows.ts',
    text: `import '../../../examples/tool/clean.ts'`,
    rules: ['packages-do-not-know-examples'],
  },
  { file: 'packages/topology/src/ring-a.ts', text: `import './ring-b.ts'`, rules: ['no-circular'] },
  { file: 'packages/topology/src/gone.ts', text: `import './not-there.ts'`, rules: ['unresolvable'] },
  {
    file: 'packages/hardware/src/deep.ts',
    text: `import '@vfiokit/topology/src/bdf.ts'`,
    rules: ['unresolvable'],
  },
]

/** What the rules must leave alone; a ring is reported once, at its first file. */
const clean: Readonly<Record<string, string>> = {
  'packages/topology/src/ring-b.ts': `import './ring-a.ts'`,
  'packages/vfio-core/src/device.ts': `import type { G } from './group.ts'\nexport class D { g?: G }`,
  'packages/vfio-core/src/group.ts': `import { D } from './device.ts'\nexport class G { d = new D() }`,
  'packages/topology/src/node/sysfs.ts': `import 'node:fs'`,
  'packages/host/src/container.ts': `import 'inversify'\nimport 'reflect-metadata'\nimport 'node:fs'`,
  'packages/region-providers/acme-sample/src/module.ts': `import 'inversify'`,
  'packages/topology/src/tokens.test.ts': `import 'inversify'\nimport 'node:fs'\nimport '@vfiokit/testkit'`,
  'packages/locking/src/all.test.ts': `import '@vfiokit/locking-strategies'\nimport '@vfiokit/region-other'`,
  'packages/locking/src/fixtures/fault.ts': `import '@vfiokit/locking-strategies'`,
  'examples/tool/clean.ts': `import '@vfiokit/topology/node'\nimport '@vfiokit/locking-strategies'`,
  'examples/vendor/plugin.test.ts': `import '@vfiokit/testkit'\nimport '@vfiokit/region-acme-sample'`,
}

/** Every layer against every other one: `packages/A/src/pair-B.ts` imports B's types. */
const pairs = layers.flatMap((from) =>
  layers.filter((to) => to !== from).map((to) => ({ from, to, file: pairFile(from, to) })),
)

function pairFile(from: string, to: string): string {
  return `${folderOf(from)}/src/pair-${to.replace('/*', '')}.ts`
}

let root: string
let reported: Map<string, string[]>

function write(file: string, text: string): void {
  mkdirSync(dirname(join(root, file)), { recursive: true })
  writeFileSync(join(root, file), `${text}\n`)
}

function link(name: string, folder: string): void {
  mkdirSync(dirname(join(root, 'node_modules', name)), { recursive: true })
  symlinkSync(join(root, folder), join(root, 'node_modules', name))
}

function plantPackage(folder: string, name: string): void {
  const exported = ['.', ...subPaths.map((path) => `./${path}`)].map((key) => {
    const source = { '.': 'index.ts', './module': 'module.ts', './node': 'node/index.ts' }[key]
    return [key, { '@vfiokit/source': `./src/${source}` }]
  })
  write(
    `${folder}/package.json`,
    JSON.stringify({ name, type: 'module', exports: Object.fromEntries(exported) }),
  )
  for (const file of ['index.ts', 'module.ts', 'node/index.ts'])
    write(`${folder}/src/${file}`, 'export type X = 1')
  link(name, folder)
}

function plantTree(): void {
  for (const layer of layers) plantPackage(folderOf(layer), packageName(layer))
  plantPackage(folderOf(REGION_PROVIDERS, 'other'), packageName(REGION_PROVIDERS, 'other'))
  for (const outside of ['inversify', 'reflect-metadata']) {
    write(`node_modules/${outside}/package.json`, JSON.stringify({ name: outside, main: 'index.js' }))
    write(`node_modules/${outside}/index.js`, '')
  }
  for (const { to, file } of pairs)
    write(file, `import type { X } from '${packageName(to)}'\nexport type Y = X`)
  for (const { file, text } of planted) write(file, text)
  for (const [file, text] of Object.entries(clean)) write(file, text)
}

function cruise(): Map<string, string[]> {
  const args = [cruiser, 'packages', 'examples', '--output-type', 'json', '--config']
  const settings = join(repository, '.dependency-cruiser.mjs')
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 } as const
  const output = execFileSync(process.execPath, [...args, settings], options)
  const { summary } = JSON.parse(output) as {
    summary: { violations: { from: string; rule: { name: string } }[] }
  }
  const byFile = new Map<string, string[]>()
  for (const { from, rule } of summary.violations) {
    byFile.set(from, [...(byFile.get(from) ?? []), rule.name].sort())
  }
  return byFile
}

beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'vfiokit-arch-')))
  plantTree()
  reported = cruise()
})

afterAll(() => rmSync(root, { recursive: true, force: true }))

describe('the rules of the module graph', () => {
  test.each(planted)('name what is wrong with $file', ({ file, rules }) => {
    expect(reported.get(file)).toEqual([...rules].sort())
  })

  test('an import is against the flow exactly when the table does not list it', () => {
    const against = pairs.filter(({ from, file }) => {
      return reported.get(file)?.includes(`${from.replace('/*', '')}-imports`) === true
    })
    const expected = pairs.filter(({ from, to }) => !MAY_IMPORT[from]!.includes(to))
    expect(against.map(({ file }) => file)).toEqual(expected.map(({ file }) => file))
    expect(against.map(({ file }) => file)).toContain(pairFile('topology', 'locking'))
    expect(reported.get(pairFile('vfio-pci', 'hardware'))).toBeUndefined()
  })

  test('nothing else is reported', () => {
    const known = new Set([...planted, ...pairs].map(({ file }) => file))
    expect([...reported.keys()].filter((file) => !known.has(file))).toEqual([])
  })

  test('every rule has been seen to fail', () => {
    const seen = new Set([...reported.values()].flat())
    expect((config.forbidden ?? []).map((rule) => rule.name).filter((name) => !seen.has(name!))).toEqual([])
  })
})

describe('the table', () => {
  test('has a line for every package', () => {
    const folders = readdirSync(join(repository, 'packages')).map((folder) =>
      layerOfFile(`packages/${folder}/x`),
    )
    expect(folders.filter((layer) => MAY_IMPORT[layer!] === undefined)).toEqual([])
  })

  test('names only layers that it has', () => {
    expect([...new Set(Object.values(MAY_IMPORT).flat())].filter((layer) => !layers.includes(layer))).toEqual(
      [],
    )
  })

  test.each(layers)('finds %s again by the name of its package', (layer) => {
    expect(layerOfImport(packageName(layer))).toBe(layer)
    expect(layerOfImport(`${packageName(layer)}/module`)).toBe(layer)
    expect(layerOfFile(`${folderOf(layer)}/src/index.ts`)).toBe(layer)
  })

  test('does not take a stranger for one of ours', () => {
    expect(layerOfImport('yaml')).toBeUndefined()
    expect(layerOfImport('vfiokit-unrelated')).toBeUndefined()
  })
})
