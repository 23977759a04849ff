/**
 * Makes packages/topology/src/names/pci-ids-data.ts of a pci.ids file: what the list says, without its comments,
 * compressed. Run it when a newer list is wanted:
 *
 *     apt-get download pci.ids && dpkg-deb -x pci.ids_*.deb list
 *     node .tools/pci-names.mjs list/usr/share/misc/pci.ids
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { root } from './packages.mjs'

const TARGET = 'packages/topology/src/names/pci-ids-data.ts'

/** @param {string} text a pci.ids file @returns {string} the module */
function moduleOf(text) {
  const version = /^#\s*Version:\s*(\S+)/m.exec(text)?.[1]
  if (version === undefined) throw new Error('no version is in the head of the file: is it a pci.ids?')
  const lines = text.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('#'))
  const packed = gzipSync(`${lines.join('\n')}\n`, { level: 9 }).toString('base64')
  return `/*!
 * The PCI ID list, version ${version}, compressed. Made by .tools/pci-names.mjs; do not edit.
 * Copyright (c) Martin Mares and Albert Pool, https://pci-ids.ucw.cz/. Used under its 3-clause BSD licence, whose
 * text is in LICENSE.pci-ids beside this package's manifest.
 */

/** A pci.ids text without comments: gzip, then base64. */
export const PCI_IDS_PACKED: string =
  '${packed}'
`
}

const [file] = process.argv.slice(2)
if (file === undefined) {
  console.error('usage: node .tools/pci-names.mjs FILE (a pci.ids)')
  process.exitCode = 2
} else {
  writeFileSync(join(root, TARGET), moduleOf(readFileSync(file, 'utf8')))
  console.log(`wrote ${TARGET}`)
}
