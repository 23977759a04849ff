import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig, type Options } from 'tsup'

const SOURCE = '@vfiokit/source'

/** Every package that has an exports map, each built from the sources its map names. */
function packageFolders(root: string): string[] {
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(root, entry.name))
    .flatMap((folder) => (existsSync(join(folder, 'package.json')) ? [folder] : packageFolders(folder)))
}

function build(folder: string): Options {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const exported = Object.values(manifest.exports as Record<string, unknown>).flatMap((target) =>
    typeof target === 'object' && target !== null ? [(target as Record<string, string>)[SOURCE]!] : [],
  )
  const commands = manifest.bin === undefined ? [] : ['./src/bin.ts']
  return {
    entry: [...exported, ...commands].map((file) => join(folder, file)),
    outDir: join(folder, 'dist'),
    outExtension: () => ({ js: '.js' }),
    format: ['esm'],
    target: 'node20',
    platform: 'node',
    // `tsc -b` writes the declarations next to the JavaScript, for all packages at once.
    dts: false,
    clean: false,
    sourcemap: true,
    skipNodeModulesBundle: true,
    silent: true,
  }
}

export default defineConfig(packageFolders('packages').map(build))
