/**
 * Resource: one line of the sysfs file `resource`, `start end flags`.
 *
 * Lines 0-5 are the BARs, 6 the ROM, 7-12 the BARs of virtual functions (a kernel with SR-IOV: 13 lines, 17 with a
 * bus below), then the bridge windows I/O, memory, prefetchable and a fourth. Without SR-IOV support the seven BAR
 * lines are followed by the windows at once (7 and 11 lines).
 */
import type { Bar, BarIndex } from './bar.ts'
import type { BridgeWindows, Window } from './bridge.ts'

export interface Resource {
  readonly start: bigint
  /** Last byte, inclusive, as the kernel prints it. */
  readonly end: bigint
  readonly flags: number
}

const FLAG = {
  romEnabled: 0x1,
  io: 0x100,
  memory: 0x200,
  prefetchable: 0x2000,
  memory64: 0x100000,
} as const

const LINE = /^0x([0-9a-f]{1,16}) 0x([0-9a-f]{1,16}) 0x([0-9a-f]{1,16})$/

/** One entry per line; undefined for a line that is not three hexadecimal numbers. */
export function parseResourceLines(text: string): readonly (Resource | undefined)[] {
  const lines = text.trim() === '' ? [] : text.trim().split(/\r?\n/)
  return lines.map((line) => {
    const match = LINE.exec(line.trim())
    if (match === null) return undefined
    return {
      start: BigInt(`0x${match[1]}`),
      end: BigInt(`0x${match[2]}`),
      flags: Number(BigInt(`0x${match[3]}`)),
    }
  })
}

function isPresent(resource: Resource | undefined): resource is Resource {
  if (resource === undefined || resource.flags === 0) return false
  return resource.end !== 0n && resource.end >= resource.start
}

function barOf(index: BarIndex | 'rom', resource: Resource): Bar {
  const { flags } = resource
  return Object.freeze({
    index,
    kind: (flags & FLAG.io) !== 0 ? ('io' as const) : ('memory' as const),
    width: (flags & FLAG.memory64) !== 0 ? (64 as const) : (32 as const),
    // The kernel flags every ROM as prefetchable; its register has no such bit.
    prefetchable: index !== 'rom' && (flags & FLAG.prefetchable) !== 0,
    address: resource.start,
    sizeBytes: Number(resource.end - resource.start + 1n),
    ...(index === 'rom' ? { romEnabled: (flags & FLAG.romEnabled) !== 0 } : {}),
  })
}

const ROM_LINE = 6
const FIRST_VF_LINE = 7

/** The BARs and the ROM that are present. */
export function barsOfResources(resources: readonly (Resource | undefined)[]): readonly Bar[] {
  return resources.slice(0, ROM_LINE + 1).flatMap((resource, line) => {
    if (!isPresent(resource)) return []
    return [barOf(line === ROM_LINE ? 'rom' : (line as BarIndex), resource)]
  })
}

/** Lines 7 to 12 exist only in kernels with SR-IOV support. */
function hasVfLines(resources: readonly unknown[]): boolean {
  return resources.length >= 13
}

/** The BARs of a physical function's virtual functions; sizeBytes is that of all TotalVFs together. */
export function vfBarsOfResources(resources: readonly (Resource | undefined)[]): readonly Bar[] {
  if (!hasVfLines(resources)) return []
  return resources.slice(FIRST_VF_LINE, FIRST_VF_LINE + 6).flatMap((resource, index) => {
    return isPresent(resource) ? [barOf(index as BarIndex, resource)] : []
  })
}

/** The windows of a bridge; undefined when the file has no lines for them. */
export function windowsOfResources(resources: readonly (Resource | undefined)[]): BridgeWindows | undefined {
  const first = hasVfLines(resources) ? 13 : 7
  if (resources.length < first + 4) return undefined
  const window = (line: number): Window | undefined => {
    const resource = resources[first + line]
    if (!isPresent(resource)) return undefined
    return Object.freeze({ base: resource.start, limit: resource.end })
  }
  return Object.freeze({ io: window(0), memory: window(1), prefetchable: window(2) })
}
