/**
 * Runs the benchmarks: each packages/<name>/bench/*.bench.ts is bundled against the built packages and run by node,
 * one after the other, with the arguments given here. A benchmark prints a Markdown table; with `--smoke` it runs
 * one round and checks no threshold. A word chooses the files whose path has it. Exit code 1 when one fails or there
 * is none.
 */
import { spawnSync } from 'node:child_process'
import { basename, join } from 'node:path'
import { filesBelow, packageFolders, root } from './packages.mjs'

process.chdir(root)
const args = process.argv.slice(2).filter((argument) => argument.startsWith('-'))
const words = process.argv.slice(2).filter((argument) => !argument.startsWith('-'))
/** @type {string[]} */
const failed = []
let ran = 0

for (const folder of packageFolders()) {
  const files = filesBelow(`${folder}/bench`).filter(
    (file) => file.endsWith('.bench.ts') && words.every((word) => file.includes(word)),
  )
  if (files.length === 0) continue
  const { build } = await import('tsup')
  // Inside the package, so that node finds the package itself and its dependencies by name.
  const outDir = `${folder}/.cache/bench`
  await build({
    config: false,
    entry: files,
    outDir,
    outExtension: () => ({ js: '.js' }),
    format: ['esm'],
    target: 'node20',
    sourcemap: true,
    skipNodeModulesBundle: true,
    silent: true,
  })
  for (const file of files) {
    console.log(`\n## ${file}\n`)
    const script = join(outDir, basename(file).replace(/\.ts$/, '.js'))
    const { status } = spawnSync(process.execPath, ['--enable-source-maps', '--expose-gc', script, ...args], {
      stdio: 'inherit',
    })
    ran++
    if (status !== 0) failed.push(file)
  }
}

if (ran === 0) console.error('There is no benchmark.')
for (const file of failed) console.error(`${file} failed`)
process.exitCode = ran === 0 || failed.length > 0 ? 1 : 0
