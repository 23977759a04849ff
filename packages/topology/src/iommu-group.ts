/**
 * Predicts IOMMU groups from configuration space, as Linux forms them (pci_device_group, the same in 6.12 and 7.2).
 *
 * A function shares the group of, in this order: a bridge above whose id its requests carry; the port above when
 * that port, or one further up, does not isolate; a function on its bus that uses its id; a sibling function of the
 * same device when neither isolates. Else it has a group of its own.
 */
import { type AcsBit, type AcsOptions, type AcsVerdict, acsVerdict } from './acs.ts'
import { Bdf } from './bdf.ts'
import type { Diagnostic } from './diagnostic.ts'
import type { UngroupedFunction } from './pci-function.ts'
import { dmaAliases, isTranslationRoot } from './quirks/dma-alias.ts'

export interface GroupSource {
  readonly functions: readonly UngroupedFunction[]
}

export interface GroupReason {
  /**
   * `own`: nothing joins it to another function. `bridge-alias`: its requests carry the id of the bridge `because`.
   * `port`: the port `because` does not isolate. `alias`: it shares an id with `because`. `sibling`: neither it nor
   * `because`, a function of the same device, isolates.
   */
  readonly kind: 'own' | 'bridge-alias' | 'port' | 'alias' | 'sibling'
  readonly because: Bdf | undefined
  /** ACS bits that are missing there. */
  readonly missing: readonly AcsBit[]
}

export interface GroupVerdict {
  /** In BDF order, itself included. */
  readonly members: readonly Bdf[]
  readonly reason: GroupReason
  /**
   * `certain`; `quirk-table`: a device in the list of known exceptions was asked; `unknown`: registers that decide
   * were not among the known bytes, and were taken as absent.
   */
  readonly confidence: 'certain' | 'quirk-table' | 'unknown'
}

export interface GroupPrediction {
  readonly groups: readonly (readonly Bdf[])[]
  verdict(bdf: Bdf): GroupVerdict | undefined
  /** What the groups do not show: ports that can exchange requests although their groups differ. */
  readonly warnings: readonly Diagnostic[]
}

/**
 * @example
 * import { predictGroups, yamlReader } from '@vfiokit/topology'
 * const topology = yamlReader.read(`
 * vfiokit: topology/1
 * functions:
 *   - {bdf: '00:1f.0', id: '8086:2918', multifunction: true, capabilities: []}
 *   - {bdf: '00:1f.2', id: '8086:2922', capabilities: []}
 * `, {})
 * console.log(predictGroups(topology, { acs: 'as-found' }).groups.join(' | ')) // => 0000:00:1f.0,0000:00:1f.2
 */
export function predictGroups(source: GroupSource, options: AcsOptions): GroupPrediction {
  return new Prediction(source.functions, options).run()
}

interface Node {
  readonly fn: UngroupedFunction
  readonly domain: number
  readonly bus: number
  readonly devfn: number
  readonly acs: AcsVerdict
  readonly aliases: readonly number[]
  parent: Node | undefined
  group: Node[] | undefined
  reason: GroupReason
  confidence: GroupVerdict['confidence']
}

const OWN: GroupReason = Object.freeze({ kind: 'own', because: undefined, missing: Object.freeze([]) })
const RANK: Readonly<Record<GroupVerdict['confidence'], number>> = {
  certain: 0,
  'quirk-table': 1,
  unknown: 2,
}

interface Found {
  readonly group: Node[]
  readonly reason: GroupReason
}

class Prediction {
  readonly #nodes: readonly Node[]
  readonly #byBdf: ReadonlyMap<Bdf, Node>
  /** Functions of a bus by devfn, and by the foreign devfns that they use. */
  readonly #byDevfn = new Map<string, Node>()
  readonly #byAlias = new Map<string, Node[]>()
  readonly #blocking = new Map<Node, Node | undefined>()

  constructor(functions: readonly UngroupedFunction[], options: AcsOptions) {
    this.#nodes = functions.map((fn) => nodeOf(fn, options))
    this.#byBdf = new Map(this.#nodes.map((node) => [node.fn.bdf, node]))
    for (const node of this.#nodes) {
      node.parent = node.fn.parent === undefined ? undefined : this.#byBdf.get(node.fn.parent)
      this.#byDevfn.set(busKey(node, node.devfn), node)
      for (const alias of node.aliases) push(this.#byAlias, busKey(node, alias), node)
    }
  }

  run(): GroupPrediction {
    for (const node of parentsFirst(this.#nodes)) this.#place(node)
    const groups = new Set(this.#nodes.map((node) => node.group!))
    const members = new Map<Node[], readonly Bdf[]>()
    for (const group of groups) {
      const bdfs = group.map((node) => node.fn.bdf).sort(Bdf.compare)
      members.set(group, Object.freeze(bdfs))
    }
    return Object.freeze({
      groups: Object.freeze([...members.values()]),
      verdict: (bdf: Bdf) => {
        const node = this.#byBdf.get(bdf)
        if (node === undefined) return undefined
        return { members: members.get(node.group!)!, reason: node.reason, confidence: node.confidence }
      },
      warnings: Object.freeze(peerWarnings(this.#nodes)),
    })
  }

  #place(node: Node): void {
    const top = this.#topmostAlias(node)
    const found = top.found ?? this.#fromPorts(node, top.node)
    if (found === undefined) {
      node.group = [node]
      return
    }
    node.group = found.group
    node.reason = found.reason
    found.group.push(node)
  }

  /** Walks up over the bridges whose id the requests carry. */
  #topmostAlias(node: Node): { readonly node: Node; readonly found: Found | undefined } {
    let top = node
    for (let above = node.parent; above !== undefined; above = above.parent) {
      if (isTranslationRoot(above.fn)) break
      const type = above.fn.pcie?.type
      if (type === 'root-port' || type === 'upstream-port' || type === 'downstream-port') continue
      top = above
      if (above.group !== undefined) {
        const reason = { kind: 'bridge-alias' as const, because: above.fn.bdf, missing: [] }
        return { node: top, found: { group: above.group, reason } }
      }
    }
    return { node: top, found: undefined }
  }

  /** From the topmost alias up to the first port that isolates all the way to the root. */
  #fromPorts(node: Node, top: Node): Found | undefined {
    let current = top
    for (let port = top.parent; port !== undefined; port = port.parent) {
      this.#doubt(node, port)
      const blocking = this.#blockingPort(port)
      if (blocking === undefined) break
      current = port
      if (port.group !== undefined) {
        const reason = { kind: 'port' as const, because: blocking.fn.bdf, missing: blocking.acs.missing }
        return { group: port.group, reason }
      }
    }
    const seen = new Set<Node>()
    return this.#aliasGroup(current, seen) ?? this.#siblingGroup(node, current, seen)
  }

  /** The lowest port from here to the root that does not isolate. */
  #blockingPort(port: Node): Node | undefined {
    const chain: Node[] = []
    let at: Node | undefined = port
    while (at?.acs.isolates && !this.#blocking.has(at)) {
      chain.push(at)
      at = at.parent
    }
    const blocking = at === undefined || !at.acs.isolates ? at : this.#blocking.get(at)
    for (const member of chain) this.#blocking.set(member, blocking)
    return blocking
  }

  /** The verdict rests on this port and those above it. */
  #doubt(node: Node, port: Node): void {
    for (let above: Node | undefined = port; above !== undefined; above = above.parent) {
      lowerConfidence(node, above.acs)
    }
  }

  #aliasGroup(node: Node, seen: Set<Node>): Found | undefined {
    if (seen.has(node)) return undefined
    seen.add(node)
    for (const partner of this.#aliasPartners(node)) {
      const reason = { kind: 'alias' as const, because: partner.fn.bdf, missing: [] }
      if (partner.group !== undefined) return { group: partner.group, reason }
      const further = this.#aliasGroup(partner, seen) ?? this.#siblingGroup(partner, partner, seen)
      if (further !== undefined) return { group: further.group, reason }
    }
    return undefined
  }

  #aliasPartners(node: Node): readonly Node[] {
    const used = node.aliases.flatMap((devfn) => this.#byDevfn.get(busKey(node, devfn)) ?? [])
    const users = this.#byAlias.get(busKey(node, node.devfn)) ?? []
    return [...used, ...users].filter((partner) => partner !== node)
  }

  #siblingGroup(node: Node, current: Node, seen: Set<Node>): Found | undefined {
    if (!current.fn.multifunction) return undefined
    lowerConfidence(node, current.acs)
    if (current.acs.isolates) return undefined
    for (let number = 0; number < 8; number += 1) {
      const sibling = this.#byDevfn.get(busKey(current, (current.devfn & ~7) | number))
      if (sibling === undefined || sibling === current || sibling.acs.isolates) continue
      const { missing } = current.acs
      const reason = { kind: 'sibling' as const, because: sibling.fn.bdf, missing }
      const group = sibling.group ?? this.#aliasGroup(sibling, seen)?.group
      if (group !== undefined) return { group, reason }
    }
    return undefined
  }
}

function nodeOf(fn: UngroupedFunction, options: AcsOptions): Node {
  const { domain, bus } = Bdf.parts(fn.bdf)
  const devfn = Bdf.routingId(fn.bdf) & 0xff
  const acs = acsVerdict(fn, options)
  const place = { domain, bus, devfn }
  const open = { parent: undefined, group: undefined, reason: OWN, confidence: 'certain' as const }
  return { fn, ...place, acs, aliases: dmaAliases(fn, devfn), ...open }
}

function busKey(node: Node, devfn: number): string {
  return `${node.domain}:${node.bus}:${devfn}`
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}

function lowerConfidence(node: Node, acs: AcsVerdict): void {
  const confidence = acs.known ? (acs.by === 'quirk' ? 'quirk-table' : 'certain') : 'unknown'
  if (RANK[confidence] > RANK[node.confidence]) node.confidence = confidence
}

/** Bridges before what is below them, else in the order given. */
function parentsFirst(nodes: readonly Node[]): Iterable<Node> {
  const ordered = new Set<Node>()
  for (const start of nodes) {
    const chain: Node[] = []
    for (let node: Node | undefined = start; node !== undefined && !ordered.has(node); node = node.parent) {
      chain.push(node)
    }
    for (const node of chain.reverse()) ordered.add(node)
  }
  return ordered
}

/** Linux does not join sibling ports of a switch, although without ACS what is below them can talk directly. */
function peerWarnings(nodes: readonly Node[]): Diagnostic[] {
  const open = new Map<Node, Node[]>()
  for (const node of nodes) {
    if (node.fn.pcie?.type === 'downstream-port' && !node.acs.isolates && node.parent !== undefined) {
      push(open, node.parent, node)
    }
  }
  return [...open].flatMap(([switchPort, ports]): Diagnostic[] => {
    const groups = new Set(ports.map((port) => port.group))
    if (groups.size < 2) return []
    const names = ports.map((port) => port.fn.bdf).join(', ')
    const { bdf } = switchPort.fn
    const message = `${bdf}: what is below ${names} can talk directly although the groups differ`
    return [{ severity: 'warning', code: 'groups-can-peer', message, bdf }]
  })
}
