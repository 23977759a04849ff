/** The workspace agrees with itself: what stands in one settings file and must stand in another too. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Manifest, packageFolders, readManifest, root } from './packages.mjs'

const folders = packageFolders()
const folderOf = new Map(folders.map((folder) => [readManifest(folder).name, folder]))
const readJson = (file: string) => JSON.parse(readFileSync(join(root, file), 'utf8'))

/**
 * npm lists an optional peer with a version as unmet, even for those who never want it. The package that people
 * install alone names its peers as optional only, so that a listing of it has no word of a container.
 */
const USED_ALONE = '@vfiokit/topology'

/** What is wrong with the manifest of a package that is published. */
function manifestDefects(manifest: Manifest, hasModule: boolean): string[] {
  const rules: Readonly<Record<string, boolean>> = {
    'license is not MIT': manifest.license === 'MIT',
    'type is not module': manifest.type === 'module',
    'sideEffects is not false': manifest.sideEffects === false,
    'files is not dist, with data where there is any': ['["dist"]', '["dist","data"]'].includes(
      JSON.stringify(manifest.files),
    ),
    'engines.node is not that of the workspace': manifest.engines?.node === readManifest('.').engines?.node,
    'src/module.ts is not exported as ./module': !hasModule || manifest.exports?.['./module'] !== undefined,
    'inversify is not an optional peer': ['inversify', 'reflect-metadata'].every((name) => {
      const optional = manifest.peerDependenciesMeta?.[name]?.optional === true
      const peer = manifest.peerDependencies?.[name] !== undefined
      const needsPeer = hasModule && manifest.name !== USED_ALONE
      return manifest.name === '@vfiokit/host' || (peer === needsPeer && optional === hasModule)
    }),
  }
  return Object.keys(rules).filter((rule) => !rules[rule])
}

describe.each(folders)('%s', (folder) => {
  const manifest = readManifest(folder)

  test('has the manifest of a published package', () => {
    expect(manifestDefects(manifest, existsSync(join(root, folder, 'src/module.ts')))).toEqual([])
  })

  test('refers tsc to the packages that it depends on', () => {
    const names = Object.keys(manifest.dependencies ?? {}).filter((name) => folderOf.has(name))
    const references: { path: string }[] = readJson(`${folder}/tsconfig.json`).references ?? []
    const referred = references.map(({ path }) => posix.join(folder, path))
    expect(referred.sort()).toEqual(names.map((name) => folderOf.get(name)).sort())
  })

  test('has each exported file in the reference', () => {
    const { entryPoints } = readJson(`${folder}/typedoc.json`)
    const sources = Object.values(manifest.exports ?? {}).flatMap((target) => {
      return typeof target === 'string' ? [] : [target['@vfiokit/source']!.replace('./', '')]
    })
    expect(entryPoints.sort()).toEqual(sources.sort())
  })
})

test.each(['tsconfig.json', 'tsconfig.test.json'])('%s refers to every package', (file) => {
  const referred = readJson(file).references.map(({ path }: { path: string }) => path)
  expect(referred.filter((path: string) => path.startsWith('packages/')).sort()).toEqual([...folders].sort())
})

test('a manifest with every defect has them all named', () => {
  expect(manifestDefects({ name: '@vfiokit/a', version: '1.0.0' }, true)).toHaveLength(7)
  const peers = { peerDependencies: { inversify: '1', 'reflect-metadata': '1' } }
  expect(manifestDefects({ name: '@vfiokit/a', version: '1.0.0', ...peers }, true)).toContain(
    'inversify is not an optional peer',
  )
})

describe('the top level', () => {
  const allowed = new Set([
    ...['packages', 'examples', 'docs', 'node_modules', 'coverage'],
    ...['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', 'README.md', 'LICENSE', 'CHANGELOG.md'],
    ...['tsconfig.json', 'tsconfig.base.json', 'tsconfig.test.json', 'vitest.config.ts', 'biome.json'],
  ])
  const strays = (names: readonly string[]) =>
    names.filter((name) => !name.startsWith('.') && !allowed.has(name))

  test('has only what the layout allows', () => {
    expect(strays(readdirSync(root))).toEqual([])
    expect(strays(['tools', '.tools', 'docs', 'notes.md'])).toEqual(['tools', 'notes.md'])
  })
})

describe('a change that is noted for the next release', () => {
  const notes = readdirSync(join(root, '.changeset')).filter((name) => /^(?!README).*\.md$/.test(name))
  const known = new Set([...folderOf.keys()])

  test.each(notes)('%s says of which packages, and what', (name) => {
    const text = readFileSync(join(root, '.changeset', name), 'utf8')
    const [, header = '', body = ''] = /^---\n(.*?)\n---\n(.*)$/s.exec(text) ?? []
    const packages = header.split('\n').map((line) => /^'(.+)': (?:minor|patch|major)$/.exec(line)?.[1])
    expect(packages.filter((each) => !known.has(each ?? ''))).toEqual([])
    expect(body.trim()).not.toBe('')
  })
})
