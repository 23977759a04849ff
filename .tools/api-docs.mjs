/**
 * Writes the reference of all packages to docs/api with typedoc, warnings as errors. A package that exports nothing
 * yet is left out, by name: typedoc refuses an empty one.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageFolders, root } from './packages.mjs'

/** @param {string} folder */
function isEmpty(folder) {
  return !/^export (?!\{\s*\})/m.test(readFileSync(join(root, folder, 'src/index.ts'), 'utf8'))
}

const folders = packageFolders()
const empty = folders.filter(isEmpty)
if (empty.length > 0) console.log(`left out, they export nothing yet: ${empty.join(', ')}`)
const entries = folders
  .filter((folder) => !empty.includes(folder))
  .flatMap((folder) => ['--entryPoints', folder])
const typedoc = join(root, 'node_modules/typedoc/bin/typedoc')
const args = [typedoc, '--options', join(root, '.tools/typedoc.json'), ...entries]
process.exitCode = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' }).status ?? 1
