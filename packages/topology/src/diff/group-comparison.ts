/**
 * Compares the IOMMU groups of two topologies by who is in them: group numbers are arbitrary and mean nothing.
 * Internal to the diff.
 */
import type { Bdf } from '../bdf.ts'
import { predictGroups } from '../iommu-group.ts'
import type { Topology } from '../topology.ts'
import { type FieldChange, listText } from './field-change.ts'

/** Groups that share functions: what they were, and what became of them. Members in BDF order. */
export interface GroupChange {
  readonly before: readonly (readonly Bdf[])[]
  readonly after: readonly (readonly Bdf[])[]
}

type Members = readonly Bdf[]
type Grouping = ReadonlyMap<Bdf, Members>

export class GroupComparison {
  readonly #before: Grouping
  readonly #after: Grouping
  /** For a group before: whether exactly its members are one group after. */
  readonly #unchanged = new Map<Members, boolean>()
  readonly #texts = new Map<Members, string>()

  constructor(before: Topology, after: Topology, groups: 'recorded' | 'as-found' | 'as-linux-enables') {
    const find = (topology: Topology): Grouping =>
      groups === 'recorded' ? recorded(topology) : predicted(topology, groups)
    this.#before = find(before)
    this.#after = find(after)
  }

  /**
   * undefined: it shares its group with whom it did. Else the members, cut when they are many: as whole lists the
   * changes of one large group would be quadratic.
   */
  change(bdf: Bdf): FieldChange | undefined {
    const before = this.#before.get(bdf)
    const after = this.#after.get(bdf)
    if (before === undefined && after === undefined) return undefined
    if (before !== undefined && after !== undefined && this.#isSame(before)) return undefined
    return { field: 'group', before: this.#text(before), after: this.#text(after) }
  }

  /** Only groups with a function whose group is known in both. */
  changes(): readonly GroupChange[] {
    const clusters = new Clusters()
    for (const [bdf, members] of this.#before) {
      const now = this.#after.get(bdf)
      if (now !== undefined && !this.#isSame(members)) clusters.join(members, now)
    }
    return clusters.all().map((cluster) => {
      const before = new Set<Members>()
      const after = new Set<Members>()
      for (const members of cluster) {
        if (members.some((bdf) => this.#before.get(bdf) === members)) before.add(members)
        else after.add(members)
      }
      return { before: [...before], after: [...after] }
    })
  }

  #text(members: Members | undefined): string | null {
    if (members === undefined) return null
    const known = this.#texts.get(members) ?? listText(members)
    this.#texts.set(members, known)
    return known
  }

  #isSame(members: Members): boolean {
    const known = this.#unchanged.get(members)
    if (known !== undefined) return known
    const now = this.#after.get(members[0]!)
    const isSame = now?.length === members.length && members.every((bdf) => this.#after.get(bdf) === now)
    this.#unchanged.set(members, isSame)
    return isSame
  }
}

function recorded(topology: Topology): Grouping {
  const groups = new Map<number, Bdf[]>()
  const grouping = new Map<Bdf, Members>()
  for (const { bdf, iommuGroup } of topology.functions) {
    if (iommuGroup === undefined) continue
    const members = groups.get(iommuGroup) ?? []
    groups.set(iommuGroup, members)
    members.push(bdf)
    grouping.set(bdf, members)
  }
  return grouping
}

function predicted(topology: Topology, acs: 'as-found' | 'as-linux-enables'): Grouping {
  const { groups } = predictGroups(topology, { acs })
  // Copies: a list before and one after are told apart by identity.
  return new Map(
    groups.flatMap((group) => {
      const members = [...group]
      return members.map((bdf) => [bdf, members] as const)
    }),
  )
}

/** Union-find over lists of members. */
class Clusters {
  readonly #parents = new Map<Members, Members>()

  join(a: Members, b: Members): void {
    const [first, second] = [this.#find(a), this.#find(b)]
    if (first !== second) this.#parents.set(second, first)
  }

  /** In the order in which they were met. */
  all(): readonly (readonly Members[])[] {
    const clusters = new Map<Members, Members[]>()
    for (const members of this.#parents.keys()) {
      const root = this.#find(members)
      const cluster = clusters.get(root)
      if (cluster === undefined) clusters.set(root, [members])
      else cluster.push(members)
    }
    return [...clusters.values()]
  }

  #find(members: Members): Members {
    if (!this.#parents.has(members)) this.#parents.set(members, members)
    let root = members
    while (this.#parents.get(root) !== root) root = this.#parents.get(root)!
    for (let at = members; at !== root; ) {
      const next = this.#parents.get(at)!
      this.#parents.set(at, root)
      at = next
    }
    return root
  }
}
