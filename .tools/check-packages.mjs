/**
 * Packs every package as it would be published and checks the archive: publint (--strict) for the manifest, attw for
 * the types as an ESM consumer resolves them, and that nothing in it asks for the workspace. Exit code 1 with the
 * tools' own words when one is not in order.
 */
import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { packageFolders, readManifest, root } from './packages.mjs'

const run = promisify(execFile)
const packs = join(root, '.cache/packs')
const bin = (/** @type {string} */ name) => join(root, 'node_modules/.bin', name)

/** @param {string} command @param {string[]} args @param {string} [cwd] @returns {Promise<string>} */
async function output(command, args, cwd = root) {
  const { stdout } = await run(command, args, { cwd, maxBuffer: 1 << 26 })
  return stdout
}

/** @param {string} folder @returns {Promise<string>} the archive */
async function pack(folder) {
  const out = join(packs, folder.replaceAll('/', '-'))
  mkdirSync(out, { recursive: true })
  await output('pnpm', ['pack', '--pack-destination', out], join(root, folder))
  return join(out, readdirSync(out)[0] ?? '')
}

/** @param {string} archive */
async function refuseWorkspaceRanges(archive) {
  const manifest = await output('tar', ['-xzOf', archive, 'package/package.json'])
  const left = manifest.match(/"[^"]+": "(workspace|catalog|file|link):[^"]*"/g)
  if (left) throw new Error(`the packed manifest still says ${left.join(', ')}`)
  const files = await output('tar', ['-tzf', archive])
  const strays = files
    .split('\n')
    // A template is a whole package, with its tests.
    .filter((file) => !file.startsWith('package/data/plugin-templates/'))
    .filter((file) => /(^package\/src\/|\.test\.|\.bench\.|\/fixtures\/)/.test(file))
  if (strays.length > 0) throw new Error(`the archive holds ${strays.join(', ')}`)
}

/** @param {string} folder @returns {Promise<string | undefined>} what is wrong */
async function check(folder) {
  try {
    const archive = await pack(folder)
    await refuseWorkspaceRanges(archive)
    await output(bin('publint'), ['run', archive, '--strict'])
    await output(bin('attw'), [archive, '--profile', 'esm-only', '--no-emoji', '--no-color'])
    return undefined
  } catch (error) {
    const { message, stdout, stderr } = /** @type {Error & {stdout?: string, stderr?: string}} */ (error)
    return [stdout, stderr].filter(Boolean).join('\n') || message
  }
}

rmSync(packs, { recursive: true, force: true })
const queue = packageFolders().filter((folder) => readManifest(folder).private !== true)
let failures = queue.length === 0 ? 1 : 0

async function worker() {
  for (let folder = queue.shift(); folder !== undefined; folder = queue.shift()) {
    const wrong = await check(folder)
    console.log(`${wrong === undefined ? 'ok    ' : 'FAILED'} ${readManifest(folder).name}`)
    if (wrong === undefined) continue
    failures++
    console.error(wrong)
  }
}

await Promise.all([worker(), worker()])
process.exitCode = failures === 0 ? 0 : 1
