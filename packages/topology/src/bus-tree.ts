/**
 * The bus tree of one domain: which bridge is above each function, and which buses there are.
 *
 * The source's own word (a sysfs path) wins. Else the bridge whose secondary is the function's bus; else the
 * tightest range of bus numbers that holds it, which is where SR-IOV puts the buses of virtual functions. A bridge
 * whose secondary is not above its own bus claims nothing, so bus numbers alone can never make a loop; paths could,
 * and are checked.
 */
import type { Diagnostic } from './diagnostic.ts'
import type { FunctionDraft } from './function-draft.ts'
import { isDownstreamPort } from './pcie.ts'

export interface BusDraft {
  readonly number: number
  kind: 'root' | 'secondary' | 'virtual'
  bridge: FunctionDraft | undefined
  parent: FunctionDraft | undefined
  readonly functions: FunctionDraft[]
}

type Report = (diagnostic: Diagnostic) => void

const BUSES = 256

interface Range {
  readonly draft: FunctionDraft
  readonly secondary: number
  readonly subordinate: number
}

function hexBus(bus: number): string {
  return bus.toString(16).padStart(2, '0')
}

function warn(report: Report, draft: FunctionDraft, code: string, message: string): void {
  const { bdf } = draft.input
  report({ severity: 'warning', code, message: `${bdf}: ${message}`, bdf })
}

/** Sets `parent` of every draft and returns the buses by number. Drafts are of one domain, in address order. */
export function buildBusTree(
  drafts: readonly FunctionDraft[],
  byBdf: ReadonlyMap<string, FunctionDraft>,
  report: Report,
): readonly BusDraft[] {
  const ranges = drafts.flatMap((draft) => bridgeRange(draft, report))
  const claimed = claimBuses(ranges, report)
  const tightest = tightestRanges(ranges)
  checkNesting(ranges, report)
  for (const draft of drafts) {
    draft.parent = parentOf(draft, byBdf, claimed, tightest, report)
  }
  cutLoops(drafts, report)
  for (const draft of parentsFirst(drafts)) correctPortType(draft, report)
  return collectBuses(drafts, claimed, report)
}

/** The bus numbers a bridge claims; none when they are not set or make no sense. */
function bridgeRange(draft: FunctionDraft, report: Report): readonly Range[] {
  if (draft.headerType === 0) return []
  const numbers = draft.busNumbers
  const own = draft.parts.bus
  if (numbers === undefined) {
    warn(report, draft, 'bridge-without-bus-numbers', 'a bridge whose bus numbers are not known')
    return []
  }
  const { secondary } = numbers
  if (secondary === 0) return []
  if (secondary <= own) {
    const [code, relation] =
      secondary === own
        ? ['secondary-equals-own-bus', 'is the bus that the bridge is on']
        : ['secondary-below-own-bus', `is below the bridge's own bus ${hexBus(own)}`]
    warn(report, draft, code!, `secondary bus ${hexBus(secondary)} ${relation}: it claims no bus`)
    return []
  }
  if (numbers.subordinate < secondary) {
    const message = `subordinate bus ${hexBus(numbers.subordinate)} is below secondary bus ${hexBus(secondary)}`
    warn(report, draft, 'subordinate-below-secondary', `${message}: taken as ${hexBus(secondary)}`)
    return [{ draft, secondary, subordinate: secondary }]
  }
  return [{ draft, secondary, subordinate: numbers.subordinate }]
}

/** The bridge of each bus number; the first bridge in address order keeps a number that two claim. */
function claimBuses(ranges: readonly Range[], report: Report): readonly (FunctionDraft | undefined)[] {
  const claimed: (FunctionDraft | undefined)[] = new Array(BUSES).fill(undefined)
  for (const { draft, secondary } of ranges) {
    const holder = claimed[secondary]
    if (holder === undefined) {
      claimed[secondary] = draft
    } else {
      const message = `secondary bus ${hexBus(secondary)} is already that of ${holder.input.bdf}`
      warn(report, draft, 'secondary-claimed-twice', message)
    }
  }
  return claimed
}

/** For each bus number the narrowest range that holds it. At most 256 steps per bridge. */
function tightestRanges(ranges: readonly Range[]): readonly (Range | undefined)[] {
  const tightest: (Range | undefined)[] = new Array(BUSES).fill(undefined)
  for (const range of ranges) {
    for (let bus = range.secondary; bus <= range.subordinate; bus += 1) {
      const best = tightest[bus]
      if (best === undefined || span(range) < span(best)) tightest[bus] = range
    }
  }
  return tightest
}

function span(range: Range): number {
  return range.subordinate - range.secondary
}

/** Two ranges are disjoint, or one bridge is below the other and its range lies inside. */
function checkNesting(ranges: readonly Range[], report: Report): void {
  const ordered = [...ranges].sort((a, b) => a.secondary - b.secondary || span(b) - span(a))
  const open: Range[] = []
  for (const range of ordered) {
    while (open.length > 0 && open.at(-1)!.subordinate < range.secondary) open.pop()
    const outer = open.at(-1)
    if (outer !== undefined && outer.secondary !== range.secondary) {
      checkInside(outer, range, report)
    }
    open.push(range)
  }
}

function checkInside(outer: Range, inner: Range, report: Report): void {
  const own = inner.draft.parts.bus
  const isBelow = own >= outer.secondary && own <= outer.subordinate
  if (isBelow && inner.subordinate <= outer.subordinate) return
  const ranges = `${text(inner)} and ${text(outer)} of ${outer.draft.input.bdf}`
  if (isBelow) {
    warn(report, inner.draft, 'bus-range-outside-parent', `bus range leaves the one above: ${ranges}`)
  } else {
    warn(report, inner.draft, 'bus-ranges-overlap', `bus ranges overlap: ${ranges}`)
  }
}

function text(range: Range): string {
  return `[${hexBus(range.secondary)}-${hexBus(range.subordinate)}]`
}

/** The bridge above; undefined on a root bus. */
function parentOf(
  draft: FunctionDraft,
  byBdf: ReadonlyMap<string, FunctionDraft>,
  claimed: readonly (FunctionDraft | undefined)[],
  tightest: readonly (Range | undefined)[],
  report: Report,
): FunctionDraft | undefined {
  const { bus } = draft.parts
  const owner = claimed[bus]
  const said = draft.input.parent
  if (said === null) {
    if (owner !== undefined) warnDisagreement(draft, 'a root bus', owner, report)
    return undefined
  }
  const parent = said === undefined ? undefined : usableParent(draft, said, byBdf, report)
  if (parent === undefined) return owner ?? tightest[bus]?.draft
  if (owner !== undefined && owner !== parent) warnDisagreement(draft, parent.input.bdf, owner, report)
  return parent
}

function warnDisagreement(draft: FunctionDraft, said: string, owner: FunctionDraft, report: Report): void {
  const message = `its place below ${said} disagrees with the bus number, claimed by ${owner.input.bdf}`
  warn(report, draft, 'parent-disagrees', message)
}

function usableParent(
  draft: FunctionDraft,
  said: string,
  byBdf: ReadonlyMap<string, FunctionDraft>,
  report: Report,
): FunctionDraft | undefined {
  const found = byBdf.get(said)
  if (found === undefined) {
    warn(report, draft, 'parent-missing', `the bridge above, ${said}, is not in the topology`)
  } else if (found === draft || found.headerType === 0) {
    warn(report, draft, 'parent-not-a-bridge', `${said}, said to be above, is not a bridge that can be`)
    return undefined
  }
  return found
}

/** Follows each chain of parents once; a chain that comes back on itself is cut where it does. */
function cutLoops(drafts: readonly FunctionDraft[], report: Report): void {
  const settled = new Set<FunctionDraft>()
  for (const start of drafts) {
    if (start.parent === undefined || settled.has(start.parent)) {
      settled.add(start)
      continue
    }
    const chain = new Set<FunctionDraft>()
    let draft: FunctionDraft | undefined = start
    while (draft !== undefined && !settled.has(draft)) {
      chain.add(draft)
      const above: FunctionDraft | undefined = draft.parent
      if (above !== undefined && chain.has(above)) {
        warn(report, draft, 'parent-loop', `${above.input.bdf}, said to be above, is below: taken as a root`)
        draft.parent = undefined
      }
      draft = draft.parent
    }
    for (const member of chain) settled.add(member)
  }
}

/** Every function after the one above it. */
function parentsFirst(drafts: readonly FunctionDraft[]): Iterable<FunctionDraft> {
  const ordered = new Set<FunctionDraft>()
  for (const start of drafts) {
    const chain: FunctionDraft[] = []
    for (let draft: FunctionDraft | undefined = start; draft && !ordered.has(draft); draft = draft.parent) {
      chain.push(draft)
    }
    for (const draft of chain.reverse()) ordered.add(draft)
  }
  return ordered
}

/** A link has one end that leads down and one that leads up; Linux turns a port that says otherwise. */
function correctPortType(draft: FunctionDraft, report: Report): void {
  const { pcie } = draft
  const above = draft.parent?.pcie?.type
  const corrected =
    pcie?.type === 'downstream-port' && isDownstreamPort(above)
      ? 'upstream-port'
      : pcie?.type === 'upstream-port' && above === 'upstream-port'
        ? 'downstream-port'
        : undefined
  if (pcie === undefined || corrected === undefined) return
  draft.pcie = Object.freeze({ ...pcie, type: corrected })
  warn(report, draft, 'port-type-corrected', `says ${pcie.type} below ${above}: taken as ${corrected}`)
}

function collectBuses(
  drafts: readonly FunctionDraft[],
  claimed: readonly (FunctionDraft | undefined)[],
  report: Report,
): readonly BusDraft[] {
  const buses: (BusDraft | undefined)[] = new Array(BUSES).fill(undefined)
  claimed.forEach((bridge, number) => {
    if (bridge !== undefined)
      buses[number] = { number, kind: 'secondary', bridge, parent: bridge, functions: [] }
  })
  for (const draft of drafts) {
    const { bus: number } = draft.parts
    let bus = buses[number]
    if (bus === undefined) {
      bus = unclaimedBus(draft)
      buses[number] = bus
    }
    bus.functions.push(draft)
  }
  const present = buses.filter((bus) => bus !== undefined)
  for (const bus of present) checkVirtual(bus, report)
  return present
}

/** A bus that no bridge has as its secondary, by its first function. */
function unclaimedBus(draft: FunctionDraft): BusDraft {
  const { parent } = draft
  const number = draft.parts.bus
  if (parent === undefined) return { number, kind: 'root', bridge: undefined, parent, functions: [] }
  const numbers = parent.busNumbers
  const inRange = numbers !== undefined && number > numbers.secondary && number <= numbers.subordinate
  // Only the source's word can put a bus outside the range of its bridge; then the numbers are what is wrong.
  if (!inRange) return { number, kind: 'secondary', bridge: parent, parent, functions: [] }
  return { number, kind: 'virtual', bridge: undefined, parent, functions: [] }
}

/** Virtual functions live on buses without a bridge; anything else there means that a bridge is missing. */
function checkVirtual(bus: BusDraft, report: Report): void {
  if (bus.kind !== 'virtual') return
  const stray = bus.functions.find((draft) => draft.input.physfn === undefined)
  if (stray === undefined) return
  const message = `no bridge leads to bus ${hexBus(bus.number)}: placed below ${bus.parent!.input.bdf}, whose range holds it`
  warn(report, stray, 'bus-without-bridge', message)
}
