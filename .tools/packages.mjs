/** The packages of this repository: where they are and what their manifests say. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * @typedef {object} Manifest
 * @property {string} name
 * @property {string} version
 * @property {boolean} [private]
 * @property {string} [license]
 * @property {string} [type]
 * @property {boolean} [sideEffects]
 * @property {readonly string[]} [files]
 * @property {{ node?: string }} [engines]
 * @property {Record<string, string | Record<string, string>>} [exports]
 * @property {Record<string, string>} [bin]
 * @property {Record<string, string>} [scripts]
 * @property {Record<string, string>} [dependencies]
 * @property {Record<string, string>} [peerDependencies]
 * @property {Record<string, { optional?: boolean }>} [peerDependenciesMeta]
 */

/** The repository, without a slash at its end. */
export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, '')

/**
 * Every folder below `top` that has a manifest, as a path from the root: `packages/topology`.
 * @returns {string[]}
 */
export function packageFolders(top = 'packages') {
  if (!existsSync(join(root, top))) return []
  return readdirSync(join(root, top), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'node_modules')
    .map((entry) => `${top}/${entry.name}`)
    .flatMap((folder) => (existsSync(join(root, folder, 'package.json')) ? [folder] : packageFolders(folder)))
}

/** @param {string} folder @returns {Manifest} */
export function readManifest(folder) {
  return JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
}

/**
 * Files below a folder as paths from the root, without what is installed or built unless `passedBy` says otherwise.
 * @param {string} folder
 * @param {readonly string[]} passedBy names of folders that are not entered
 * @returns {string[]}
 */
export function filesBelow(folder, passedBy = ['node_modules', 'dist', '.cache', 'plugin-templates']) {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    if (!entry.isDirectory()) return [path]
    return passedBy.includes(entry.name) ? [] : filesBelow(path, passedBy)
  })
}
