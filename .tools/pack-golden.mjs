/**
 * Packs a golden folder into the compact form that @vfiokit/conformance ships: `pnpm pack-golden FOLDER [TARGET]`.
 */
import { spawnSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './packages.mjs'

const [folder, target = join(root, 'packages/conformance/data')] = process.argv.slice(2)
if (folder === undefined) {
  console.error('usage: pnpm pack-golden FOLDER [TARGET]')
  process.exit(2)
}
const built = spawnSync(process.execPath, [join(root, '.tools/build.mjs'), 'javascript'], {
  cwd: root,
  stdio: 'inherit',
})
if (built.status !== 0) process.exit(built.status ?? 1)
const entry = pathToFileURL(join(root, 'packages/conformance/dist/index.js')).href
const { GoldenFolder, packGolden } = await import(entry)
packGolden(new GoldenFolder(resolve(folder)), resolve(target))
