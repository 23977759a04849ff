/**
 * The command line from the sources: builds first when something changed, then runs packages/cli with the same
 * arguments, in the folder of the caller, and ends with its exit code. Exit code 70: the build failed.
 */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { buildJavaScriptIfChanged } from './build.mjs'
import { root } from './packages.mjs'

process.chdir(root)
try {
  await buildJavaScriptIfChanged()
} catch (error) {
  console.error(`vfiokit: the build failed\n${error instanceof Error ? error.message : String(error)}`)
  process.exit(70)
}

const command = join(root, 'packages/cli/dist/bin.js')
// pnpm runs scripts in the root and says in INIT_CWD where it was called.
process.chdir(process.env.INIT_CWD || root)
process.argv = [process.execPath, command, ...process.argv.slice(2)]
await import(pathToFileURL(command).href)
