/**
 * Builds the packages: JavaScript with tsup, declarations with one `tsc -b`, both into packages/<name>/dist.
 *
 * `node .tools/build.mjs` builds both. With the words `javascript` and `declarations` it builds what is named, and only
 * if a source, manifest or setting changed since (tsc keeps its own note of that).
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { filesBelow, packageFolders, readManifest, root } from './packages.mjs'

const SOURCE = '@vfiokit/source'
const STAMP = join(root, '.cache/javascript.stamp')
/** File times lag behind Date.now() by up to one tick of the kernel's clock. */
const CLOCK_TICK_MS = 10
const SETTINGS = ['.tools/build.mjs', '.tools/packages.mjs', 'pnpm-lock.yaml', 'tsconfig.base.json']

/** The sources that a manifest names, each an entry of the build. @param {string} folder */
export function entriesOf(folder) {
  const { exports = {}, bin } = readManifest(folder)
  const exported = Object.values(exports).flatMap((target) => {
    return typeof target === 'object' && target[SOURCE] !== undefined ? [target[SOURCE]] : []
  })
  return [...exported, ...(bin === undefined ? [] : ['./src/bin.ts'])].map((file) => join(folder, file))
}

/** What was built from: every input with its size and time. */
function inputs() {
  const files = packageFolders().flatMap((folder) => [
    `${folder}/package.json`,
    ...filesBelow(`${folder}/src`).filter((file) => !file.endsWith('.test.ts')),
  ])
  const hash = createHash('sha256')
  for (const file of [...files, ...SETTINGS]) {
    const { size, mtimeMs } = statSync(join(root, file))
    hash.update(`${file} ${size} ${mtimeMs}\n`)
  }
  return hash.digest('hex')
}

/** @param {string} stamp */
function isBuilt(stamp) {
  return (
    existsSync(STAMP) &&
    readFileSync(STAMP, 'utf8') === stamp &&
    packageFolders().every((folder) => existsSync(join(root, folder, 'dist/index.js')))
  )
}

/**
 * Removes JavaScript that an earlier build wrote and this one did not.
 * @param {string} folder
 * @param {number} startMs
 */
function removeStale(folder, startMs) {
  for (const file of filesBelow(`${folder}/dist`, [])) {
    if (/\.js(\.map)?$/.test(file) && statSync(join(root, file)).mtimeMs < startMs - CLOCK_TICK_MS)
      rmSync(join(root, file))
  }
}

/** Builds the JavaScript of all packages. It throws an error that shows what is wrong. */
export async function buildJavaScript() {
  const stamp = inputs()
  const { build } = await import('tsup')
  rmSync(STAMP, { force: true })
  for (const folder of packageFolders()) {
    const startMs = Date.now()
    await build({
      config: false,
      entry: entriesOf(folder),
      outDir: join(folder, 'dist'),
      outExtension: () => ({ js: '.js' }),
      format: ['esm'],
      target: 'node20',
      platform: 'node',
      dts: false,
      clean: false,
      sourcemap: true,
      skipNodeModulesBundle: true,
      silent: true,
    })
    removeStale(folder, startMs)
  }
  mkdirSync(dirname(STAMP), { recursive: true })
  writeFileSync(STAMP, stamp)
}

/** Builds the JavaScript unless it is there and nothing changed. Says whether it built. */
export async function buildJavaScriptIfChanged() {
  if (isBuilt(inputs())) return false
  await buildJavaScript()
  return true
}

/** Builds the declarations of all packages and returns tsc's exit code. */
export function buildDeclarations() {
  const folders = packageFolders()
  for (const folder of folders) {
    const sources = new Set(filesBelow(`${folder}/src`))
    for (const file of filesBelow(`${folder}/dist`, [])) {
      const source = file.replace('/dist/', '/src/').replace(/\.d\.ts$/, '.ts')
      if (file.endsWith('.d.ts') && !sources.has(source)) rmSync(join(root, file))
    }
    // tsc trusts its own note of what it wrote, even when somebody removed dist.
    if (!existsSync(join(root, folder, 'dist/index.d.ts')))
      rmSync(join(root, folder, '.cache/tsbuildinfo'), { force: true })
  }
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  return spawnSync(process.execPath, [tsc, '-b', ...folders], { cwd: root, stdio: 'inherit' }).status ?? 1
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.chdir(root)
  const parts = process.argv.slice(2)
  if (parts.length === 0 || parts.includes('declarations')) process.exitCode = buildDeclarations()
  if (parts.length === 0) await buildJavaScript()
  else if (parts.includes('javascript')) await buildJavaScriptIfChanged()
}
