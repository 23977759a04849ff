/**
 * Builds and runs every example as its reader would. A folder of examples/ that has scripts `build`,
 * `test` or `start`: these. Any other: each scenario in it, with `vfiokit run`.
 * Exit code 1 when one fails, or when a folder has nothing to run.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { filesBelow, readManifest, root } from './packages.mjs'

/** @param {string} folder @returns {[command: string, args: string[]][]} */
function stepsOf(folder) {
  const scripts = existsSync(join(root, folder, 'package.json')) ? (readManifest(folder).scripts ?? {}) : {}
  const present = ['build', 'test', 'start'].filter((name) => scripts[name] !== undefined)
  if (present.length > 0) return present.map((name) => ['pnpm', ['--dir', folder, 'run', name]])
  const scenarios = filesBelow(folder).filter((file) => {
    return (
      /\.ya?ml$/.test(file) && /^vfiokit:\s*['"]?scenario\//m.test(readFileSync(join(root, file), 'utf8'))
    )
  })
  return scenarios.map((file) => [process.execPath, ['.tools/vfiokit.mjs', 'run', file]])
}

/** @param {string} folder */
function passes(folder) {
  const steps = stepsOf(folder)
  if (steps.length === 0) console.error(`${folder}: nothing to build, test or run`)
  return (
    steps.length > 0 &&
    steps.every(([command, args]) => {
      const { status, stdout, stderr } = spawnSync(command, args, {
        cwd: root,
        encoding: 'utf8',
        env: { ...process.env, INIT_CWD: root },
      })
      if (status !== 0) console.error(`${folder}: ${args.join(' ')} ends with ${status}\n${stdout}${stderr}`)
      return status === 0
    })
  )
}

const folders = readdirSync(join(root, 'examples'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => `examples/${entry.name}`)
const results = folders.map((folder) => {
  const passed = passes(folder)
  console.log(`${passed ? 'ok    ' : 'FAILED'} ${folder}`)
  return passed
})
if (results.length === 0) console.error('There is no example.')
process.exitCode = results.length > 0 && results.every(Boolean) ? 0 : 1
