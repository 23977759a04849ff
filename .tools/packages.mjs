/** The packages of this repository: where they are and what their manifests say. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * @typedef {object} Manifest
 * @property {string} name
 * @property {string} version
 * @property {boolean} [private]
 * @property {Record<string, string | Record<string, string>>} [exports]
 * @property {Record<string, string>} [bin]
 * @property {Record<string, string>} [scripts]
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

/** Files below a folder as paths from the root; what is installed or built is passed by. @param {string} folder */
export function filesBelow(folder) {
  /** @type {string[]} */
  const found = []
  const passedBy = new Set(['node_modules', 'dist', '.cache'])
  for (const entry of existsSync(join(root, folder))
    ? readdirSync(join(root, folder), { withFileTypes: true })
    : []) {
    if (passedBy.has(entry.name)) continue
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) found.push(...filesBelow(path))
    else found.push(path)
  }
  return found
}
