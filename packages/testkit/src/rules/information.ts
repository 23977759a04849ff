/** Rules about region info: what a caller of VFIO_DEVICE_GET_REGION_INFO is told. */
import {
  type InfoCapability,
  PCI_REGION,
  REGION_CAPS,
  REGION_FLAGS,
  REGION_TYPE,
  type RegionInfo,
} from '@vfiokit/vfio-core'
import type { RegionBody } from '@vfiokit/vfio-pci'
import { demand, demandSame, outcomeOf } from '../demand.ts'
import type { DeviceUser } from '../device-user.ts'
import { type ChecksNamed, isBar, type RegionCheck } from '../region-check.ts'

const REGION_SPAN = 2 ** 40

const infoStable: RegionCheck = {
  needs: ['info-capabilities'],
  check(context) {
    const { bench, user } = context.opened()
    const first = infoOf(user)
    demandSame('region info, asked again', infoOf(user), first)
    outcomeOf(() => user.reset())
    demandSame('region info after a reset', infoOf(user), first)
    user.close()
    demandSame('region info after another open', infoOf(bench.open()), first)
  },
}

const infoIndex: RegionCheck = {
  needs: ['info-capabilities'],
  check(context) {
    const { user } = context.opened()
    const count = PCI_REGION.FIRST_DEVICE_SPECIFIC + context.regions.filter((each) => !isBar(each)).length
    demandSame('number of regions', user.regionCount(), count)
    for (const { index, region } of context.regions) {
      const { sizeBytes, offset } = user.regionInfo(index)
      demandSame(`size of region ${index}`, sizeBytes, region.sizeBytes)
      demandSame(`offset of region ${index}`, offset, index * REGION_SPAN)
    }
    demandSame(
      `info of region ${count}`,
      outcomeOf(() => user.regionInfo(count)),
      'EINVAL',
    )
  },
}

const infoType: RegionCheck = {
  needs: ['info-capabilities'],
  check(context) {
    const { user } = context.opened()
    for (const { index, region } of context.regions) {
      const { capabilities } = user.regionInfo(index)
      if (!('kind' in region)) {
        demandSame(`TYPE capabilities of BAR ${index}`, capabilities.filter(isType).length, 0)
        continue
      }
      const ids = capabilities.map(({ id }) => id)
      demandSame(`first capability of region ${index}`, ids[0], REGION_CAPS.TYPE)
      demandSame(`TYPE capabilities of region ${index}`, capabilities.filter(isType).length, 1)
      const { kind } = region
      const type = 'vendor' in kind ? (0x8000_0000 | kind.vendor) >>> 0 : kind.global
      const found = REGION_TYPE.decode(capabilities[0]!.body)
      demandSame(`type of region ${index}`, found, { type, subtype: kind.subtype })
    }
  },
}

function isType({ id }: InfoCapability): boolean {
  return id === REGION_CAPS.TYPE
}

const infoFlags: RegionCheck = {
  needs: ['info-capabilities'],
  check(context) {
    const { bench, user } = context.opened()
    for (const { index, position, region } of context.regions) {
      const flags = flagsOf(region)
      const { flags: found, capabilities } = user.regionInfo(index)
      const hasCapabilities = capabilities.length === 0 ? 0 : REGION_FLAGS.CAPS
      demandSame(`flags of region ${index}`, found, flags | hasCapabilities)
      demandSame(
        `members of region ${index}, later`,
        flagsOf(bench.observed.regions[position]!.region),
        flags,
      )
    }
  },
}

function flagsOf({ read, write, fault }: Pick<RegionMembers, 'read' | 'write' | 'fault'>): number {
  return (
    (read === undefined ? 0 : REGION_FLAGS.READ) |
    (write === undefined ? 0 : REGION_FLAGS.WRITE) |
    (fault === undefined ? 0 : REGION_FLAGS.MMAP)
  )
}

interface RegionMembers {
  readonly read?: unknown
  readonly write?: unknown
  readonly fault?: unknown
}

const infoCapabilities: RegionCheck = {
  silent: ({ regions }) =>
    regions.some(({ region }) => region.capabilities !== undefined)
      ? undefined
      : 'no region has capabilities of its own',
  check(context) {
    const { bench, user } = context.opened()
    for (const { index, position } of context.regions) {
      const outcome = outcomeOf(() => user.regionInfo(index))
      bench.demandNoFailure('capabilities')
      demandSame(`info of region ${index}`, outcome, 'ok')
      const { region } = bench.observed.regions[position]!
      const given = region.capabilities?.() ?? []
      const found = user.regionInfo(index).capabilities.slice(ofCore(region))
      demandSame(`number of capabilities of region ${index}`, found.length, given.length)
      for (const [at, { id, version, body }] of given.entries()) {
        // A chain does not say how long a body is: what comes back is padded.
        const start = found[at]!.body.subarray(0, body.length)
        const arrived = { id: found[at]!.id, version: found[at]!.version, body: start }
        demandSame(`capability ${at + 1} of region ${index}`, arrived, { id, version, body })
      }
    }
  },
}

/** How many capabilities come before those of the plugin: TYPE and SPARSE_MMAP. */
function ofCore(region: RegionBody): number {
  const isSparse = region.fault !== undefined && region.sparse !== undefined
  return ('kind' in region ? 1 : 0) + (isSparse ? 1 : 0)
}

/** Of every BAR and every device-specific region. @throws RuleBroken when one cannot be asked. */
function infoOf(user: DeviceUser): RegionInfo[] {
  const own = Array.from(
    { length: user.regionCount() - PCI_REGION.FIRST_DEVICE_SPECIFIC },
    (_, at) => PCI_REGION.FIRST_DEVICE_SPECIFIC + at,
  )
  return [...BARS, ...own].map((index) => {
    const outcome = outcomeOf(() => user.regionInfo(index))
    demand(outcome === 'ok', `info of region ${index} ends with ${outcome}`)
    return user.regionInfo(index)
  })
}

const BARS: readonly number[] = [0, 1, 2, 3, 4, 5]

/** By id, in the order in which they are asked. */
export const INFORMATION_CHECKS: ChecksNamed<'info'> = {
  'info-stable': infoStable,
  'info-index': infoIndex,
  'info-type': infoType,
  'info-flags': infoFlags,
  'info-capabilities': infoCapabilities,
}
