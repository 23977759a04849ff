/**
 * The rules of the module graph (`pnpm arch`), generated from the table in .tools/layers.mjs.
 * Each rule is proven by a planted violation in .tools/arch.test.ts.
 */
import {
  CONTAINER,
  folderPattern,
  MAY_IMPORT,
  NOT_SHIPPED,
  REGION_PROVIDERS,
  TYPES_ONLY,
  WITHOUT_NODE,
} from './.tools/layers.mjs'

const ANY_PACKAGE = '^packages/(region-providers/[^/]+|(?!region-providers/)[^/]+)/'
/** @typedef {Omit<import('dependency-cruiser').IRegularForbiddenRuleType, 'severity'>} Rule */
/** @param {string} layer */
const inside = (layer) => `^${folderPattern(layer)}/`
/** @param {string} layer @param {string[]} except */
const shipped = (layer, except = []) => ({ path: inside(layer), pathNot: [NOT_SHIPPED, ...except] })
/** @param {string} name */
const moduleOf = (name) => `(^|/)node_modules/${name}(/|$)`

/** `topology-imports`, `host-imports`, ...: one rule for each line of the table. @type {Rule[]} */
const flow = Object.entries(MAY_IMPORT).map(([layer, allowed]) => ({
  name: `${layer.replace('/*', '')}-imports`,
  comment: `${layer} may import ${allowed.length === 0 ? 'none of our packages' : allowed.join(', ')}.`,
  from: { path: `^(${folderPattern(layer)})/`, pathNot: NOT_SHIPPED },
  to: { path: '^packages/', pathNot: ['^$1/', ...allowed.map(inside)] },
}))

/** @type {Rule[]} */
const typesOnly = TYPES_ONLY.map((layer) => ({
  name: `${layer}-imports-types-only`,
  comment: 'A plugin package pulls in nothing but what it names itself: write "import type".',
  from: shipped(layer),
  to: { path: '^packages/', pathNot: inside(layer), dependencyTypesNot: ['type-only'] },
}))

/** @type {Rule[]} */
const withoutNode = WITHOUT_NODE.map(({ layer, except }) => ({
  name: `${layer}-without-node`,
  comment: 'This package runs in a browser too.',
  from: shipped(layer, except === undefined ? [] : [`${inside(layer)}src/${except}/`]),
  to: { dependencyTypes: ['core'] },
}))

/** The rest, each on its own. @type {Rule[]} */
const single = [
  {
    name: 'container-at-the-edge',
    comment: 'Domain classes take plain constructor arguments; wire them in src/module.ts or in host.',
    from: {
      path: '^packages/',
      pathNot: [NOT_SHIPPED, `${ANY_PACKAGE}src/module\\.ts$`, inside('host')],
    },
    to: { path: CONTAINER.map(moduleOf) },
  },
  {
    name: 'region-provider-imported',
    comment: 'A region provider is a plugin: the host loads it by name, nobody imports it.',
    from: { path: '^packages/', pathNot: [NOT_SHIPPED, inside(REGION_PROVIDERS), inside('host')] },
    to: { path: inside(REGION_PROVIDERS) },
  },
  {
    name: 'strategy-imported',
    comment: 'A strategy is chosen by name: only host (its default) and the contract suites import one.',
    from: {
      path: '^packages/',
      pathNot: [NOT_SHIPPED, inside('locking-strategies'), inside('host'), inside('testkit')],
    },
    to: { path: inside('locking-strategies') },
  },
  {
    name: 'testkit-in-tests-only',
    comment: 'testkit is for tests (*.test.ts).',
    from: { path: '^(packages|examples)/', pathNot: [NOT_SHIPPED, inside('testkit')] },
    to: { path: inside('testkit') },
  },
  {
    name: 'across-packages-by-name',
    comment: 'Import another package by its name, not by a path into its folder.',
    from: { path: ANY_PACKAGE },
    to: { path: '^packages/', pathNot: '^packages/$1/', dependencyTypes: ['local'] },
  },
  {
    name: 'examples-by-name',
    comment: 'An example uses the packages as a stranger would: by name.',
    from: { path: '^examples/' },
    to: { path: '^packages/', dependencyTypes: ['local'] },
  },
  {
    name: 'packages-do-not-know-examples',
    comment: 'Examples and tools use the packages, never the other way round.',
    from: { path: '^packages/', pathNot: '/bench/' },
    to: { path: '^(examples|\\.tools)/' },
  },
  {
    name: 'no-circular',
    comment: 'What runs first? Two things that know each other (a device, its group) do so by "import type".',
    from: {},
    to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
  },
  {
    name: 'unresolvable',
    comment: 'Not found, or not a declared dependency, or not in the exports map of that package.',
    from: {},
    to: { couldNotResolve: true },
  },
]

/** @type {import('dependency-cruiser').IConfiguration} */
const configuration = {
  forbidden: [...flow, ...typesOnly, ...withoutNode, ...single].map((rule) => ({
    ...rule,
    severity: 'error',
  })),
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|\\.cache|plugin-templates)/' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@vfiokit/source', 'import', 'types', 'node', 'default'],
      extensions: ['.ts', '.js', '.mjs'],
    },
  },
}

export default configuration
