/** What the core still has of a card after its users have gone. */
import type { PluginBench } from '../plugin-bench.ts'

const STANDARD_STREAMS = 3

/** Numbers of what there still is. */
export interface LeftBehind {
  readonly files: number
  readonly vmas: number
  readonly mappings: number
  /** Pages of BARs in mappings. */
  readonly pages: number
  readonly opens: number
  /** Locks that are held. */
  readonly held: number
}

/** Nothing. */
export const NOTHING_LEFT: LeftBehind = {
  files: STANDARD_STREAMS,
  vmas: 0,
  mappings: 0,
  pages: 0,
  opens: 0,
  held: 0,
}

/** Of the process that opens it, `vm0`. */
export function leftBehind({ device, core }: PluginBench): LeftBehind {
  const { process } = core.process('vm0')
  return {
    files: process.files.size,
    vmas: process.vmas.length,
    mappings: device.mappings.size + device.addressSpace.mappingCount,
    pages: device.presentBarPages,
    opens: device.cells.openCount.peek(),
    held: core.locks.busy().length,
  }
}
