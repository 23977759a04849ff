/**
 * Finds the physical function of virtual functions that a source shows as bare bytes: their ids read ffff, and
 * identity and BARs are in the capability of the physical function. Internal to the builder.
 */
import type { Bar } from './bar.ts'
import type { Diagnostic } from './diagnostic.ts'
import { draftFunction, type FunctionDraft } from './function-draft.ts'
import { type SriovInfo, sriovInfo } from './virtual-functions.ts'

type Report = (diagnostic: Diagnostic) => void

/** Routing ids of a domain are disjoint, so honest capabilities together claim no more than there are. */
const CLAIMS_MAX = 65_536

interface Claim {
  readonly physical: FunctionDraft
  readonly sriov: SriovInfo
  readonly index: number
}

function isOrphan(draft: FunctionDraft): boolean {
  const { config, input } = draft
  return (
    input.physfn === undefined && config.has(0, 4) && config.read32(0) === 0xffffffff && !config.isAllOnes
  )
}

function key(domain: number, routingId: number): number {
  return domain * 65_536 + routingId
}

/** The drafts, with those of virtual functions drafted again by what their physical function says. */
export function adoptVirtualFunctions(
  drafts: readonly FunctionDraft[],
  _report: Report,
): readonly FunctionDraft[] {
  const orphans = new Set(drafts.filter(isOrphan).map((draft) => key(draft.parts.domain, draft.routingId)))
  if (orphans.size === 0) return drafts
  const claims = claimedAddresses(drafts, orphans)
  return drafts.map((draft) => {
    const claim = claims.get(key(draft.parts.domain, draft.routingId))
    if (!isOrphan(draft) || claim === undefined) return draft
    const { physical, sriov } = claim
    const { input } = draft
    const bars = input.bars ?? carvedBars(claim)
    return draftFunction(
      {
        ...input,
        physfn: physical.input.bdf,
        vendorId: input.vendorId ?? physical.vendorId,
        deviceId: input.deviceId ?? sriov.vfDeviceId,
        ...(bars === undefined ? {} : { bars }),
      },
      // Its faults were reported when it was drafted first.
      () => {},
    )
  })
}

function claimedAddresses(
  drafts: readonly FunctionDraft[],
  orphans: ReadonlySet<number>,
): ReadonlyMap<number, Claim> {
  const claims = new Map<number, Claim>()
  const budget = new Map<number, number>()
  for (const physical of drafts) {
    const sriov = sriovInfo(physical)
    if (sriov === undefined || !sriov.vfEnable) continue
    const { domain } = physical.parts
    let left = budget.get(domain) ?? CLAIMS_MAX
    for (let index = 0; index < sriov.numVfs && left > 0; index += 1, left -= 1) {
      const routingId = physical.routingId + sriov.firstVfOffset + index * sriov.vfStride
      if (routingId > 0xffff) break
      const address = key(domain, routingId)
      if (orphans.has(address) && !claims.has(address)) claims.set(address, { physical, sriov, index })
    }
    budget.set(domain, left)
  }
  return claims
}

/** VF n has the n-th part of each VF BAR; undefined when their sizes are not known. */
function carvedBars({ physical, sriov, index }: Claim): readonly Bar[] | undefined {
  const { vfBars } = physical
  if (sriov.totalVfs === 0 || vfBars.some((bar) => bar.sizeBytes === undefined)) return undefined
  return vfBars.map((bar) => {
    const sizeBytes = bar.sizeBytes! / sriov.totalVfs
    return Object.freeze({ ...bar, address: bar.address + BigInt(index) * BigInt(sizeBytes), sizeBytes })
  })
}
