/**
 * Who may import whom: the one table that the import rules come from.
 *
 * Read by .dependency-cruiser.mjs (real module graph, `pnpm arch`) and by tidy.test.ts (import lines, `pnpm test`).
 * A layer is a folder under packages/; `region-providers/*` stands for each plugin package in that folder.
 */

/** A layer that ships plugins: every folder below it is a package of its own. */
export const REGION_PROVIDERS = 'region-providers/*'

/**
 * Layer -> the layers that it may import. What is not listed is against the flow.
 * @type {Readonly<Record<string, readonly string[]>>}
 */
export const MAY_IMPORT = {
  topology: [],
  locking: [],
  hardware: ['topology'],
  'vfio-core': ['locking'],
  'vfio-pci': ['topology', 'hardware', 'vfio-core', 'locking'],
  'locking-strategies': ['locking'],
  plugin: ['topology', 'vfio-pci', 'locking'],
  [REGION_PROVIDERS]: ['plugin', 'vfio-pci'],
  explorer: ['locking'],
  contention: ['locking'],
  conformance: ['vfio-core'],
  'vfio-user': ['vfio-core'],
  host: ['topology', 'hardware', 'locking', 'locking-strategies', 'vfio-core', 'vfio-pci', 'plugin'],
  testkit: [
    'host',
    'explorer',
    'locking-strategies',
    'vfio-pci',
    'vfio-core',
    'hardware',
    'topology',
    'locking',
  ],
  // topology too: the commands that only look at a machine load nothing else.
  cli: ['host', 'topology', 'conformance', 'explorer', 'contention', 'vfio-user'],
}

/** Layers whose imports of other layers are types only: they must not pull code in. */
export const TYPES_ONLY = ['plugin']

/** Layers whose objects plugins make, maybe with a copy of their own: those are told by kind, never by class. */
export const MAY_BE_COPIED = ['locking', 'plugin']

/** The containers: only `module.ts` of a package and the composition root know them. */
export const CONTAINER = ['inversify', 'reflect-metadata']

/** Layers that run without Node. `except` is the sub-folder that is for Node by name. */
export const WITHOUT_NODE = [
  { layer: 'topology', except: 'node' },
  { layer: 'locking' },
  { layer: 'locking-strategies' },
  { layer: 'contention' },
  { layer: 'vfio-core' },
  { layer: 'vfio-pci' },
]

/** Tests, benchmarks and fixtures do not ship; they may import what they need. */
export const NOT_SHIPPED = '(\\.test\\.ts$|/bench/|/fixtures/)'

/** The pattern (a regular expression's text) of a layer's folder, without anchors. @param {string} layer */
export function folderPattern(layer) {
  return `packages/${layer.replace('*', '[^/]+')}`
}

/**
 * The layer that a package name belongs to, or undefined for a package that is not ours.
 * @param {string} specifier what stands in the import: `@vfiokit/topology/node`
 * @returns {string | undefined}
 */
export function layerOfImport(specifier) {
  if (specifier === 'vfiokit' || specifier.startsWith('vfiokit/')) return 'cli'
  const name = /^@vfiokit\/([^/]+)/.exec(specifier)?.[1]
  if (name === undefined) return undefined
  return name.startsWith('region-') ? REGION_PROVIDERS : name
}

/**
 * The layer that a file of the repository belongs to.
 * @param {string} file path from the root, with forward slashes
 * @returns {string | undefined}
 */
export function layerOfFile(file) {
  const [top, folder] = file.split('/')
  if (top !== 'packages' || folder === undefined) return undefined
  return folder === 'region-providers' ? REGION_PROVIDERS : folder
}

/** The name a layer's package is imported by. @param {string} layer @param {string} [plugin] */
export function packageName(layer, plugin = 'acme-sample') {
  if (layer === 'cli') return 'vfiokit'
  return `@vfiokit/${layer === REGION_PROVIDERS ? `region-${plugin}` : layer}`
}
