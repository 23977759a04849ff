/** The recordings that come with this package. */
import { fileURLToPath } from 'node:url'
import { GoldenArchive } from './golden/golden-archive.ts'

/** The folder that they are in: beside `src` and `dist`. */
export const OWN_DATA_FOLDER: string = fileURLToPath(new URL('../data', import.meta.url))

/** The public traces of four kernels, with the snapshots, masks and profiles of their machines. */
export function ownGolden(): GoldenArchive {
  return new GoldenArchive(OWN_DATA_FOLDER)
}
