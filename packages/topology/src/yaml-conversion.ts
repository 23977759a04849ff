/**
 * Turns a composed YAML tree into plain data, and reports what the composer lets pass: duplicate keys, keys that
 * are not text, depth, aliases without an anchor, and aliases that expand to more than a file can mean.
 */
import { isAlias, isMap, isPair, isScalar, isSeq, type Node, type Scalar, type YAMLMap } from 'yaml'

type Report = (severity: 'error' | 'warning', code: string, message: string, offset: number) => void

/** A file that people write nests a dozen levels; readers of the data recurse, so there is a limit. */
export const DEPTH_MAX = 64
/** Nodes that aliases may add in total: sharing a block is fine, a bomb is not. */
const ALIAS_NODES_MAX = 100_000

interface Converted {
  readonly value: unknown
  /** Nodes below and including this one, aliases expanded. */
  readonly size: number
}

const NOTHING: Converted = { value: undefined, size: 1 }

export class YamlConversion {
  readonly anchors: Map<string, Node> = new Map()
  readonly #converted = new Map<string, Converted>()
  readonly #report: Report
  #aliasNodes = 0

  constructor(report: Report) {
    this.#report = report
  }

  convert(root: Node): unknown {
    return this.#node(root, 0).value
  }

  #node(node: unknown, depth: number): Converted {
    if (node === null || node === undefined) return { value: null, size: 1 }
    if (isAlias(node)) return this.#alias(node.source, node.range?.[0] ?? 0)
    const anchor = (node as { anchor?: string }).anchor
    if (anchor !== undefined) {
      this.anchors.set(anchor, node as Node)
      this.#converted.delete(anchor)
    }
    const result = this.#contents(node as Node, depth)
    if (anchor !== undefined) this.#converted.set(anchor, result)
    return result
  }

  #contents(node: Node, depth: number): Converted {
    if (isScalar(node)) return { value: plain((node as Scalar).value), size: 1 }
    if (depth >= DEPTH_MAX) {
      this.#report('error', 'yaml-too-deep', `nested more than ${DEPTH_MAX} levels deep`, offsetOf(node))
      return NOTHING
    }
    if (isMap(node)) return this.#map(node, depth)
    if (!isSeq(node)) return NOTHING
    const items = node.items.map((item) => (isPair(item) ? NOTHING : this.#node(item, depth + 1)))
    return { value: items.map((item) => item.value), size: 1 + total(items) }
  }

  #map(map: YAMLMap, depth: number): Converted {
    const entries = new Map<string, unknown>()
    let size = 1
    for (const pair of map.items) {
      const key = this.#key(pair.key)
      if (key === undefined) continue
      const converted = this.#node(pair.value, depth + 1)
      size += converted.size
      if (entries.has(key)) {
        const message = `key '${key}' is given twice: the first one counts`
        this.#report('error', 'duplicate-key', message, offsetOf(pair.key as Node))
      } else {
        entries.set(key, converted.value)
      }
    }
    // fromEntries makes own properties: a key called __proto__ is data like any other.
    return { value: Object.fromEntries(entries), size }
  }

  #key(key: unknown): string | undefined {
    if (isScalar(key)) return String(plain((key as Scalar).value))
    this.#report('error', 'key-not-text', 'a key is text', offsetOf(key as Node | null))
    return undefined
  }

  #alias(name: string, offset: number): Converted {
    const target = this.#converted.get(name)
    if (target === undefined) {
      const problem = this.anchors.has(name) ? 'contains itself' : 'has no anchor before it'
      this.#report('error', 'alias-unresolved', `alias '*${name}' ${problem}`, offset)
      return NOTHING
    }
    this.#aliasNodes += target.size
    if (this.#aliasNodes > ALIAS_NODES_MAX) {
      const limit = `aliases expand to more than ${ALIAS_NODES_MAX} values`
      this.#report('error', 'alias-expansion', `${limit}: '*${name}' is left out`, offset)
      return NOTHING
    }
    return target
  }
}

function offsetOf(node: Node | null): number {
  return node?.range?.[0] ?? 0
}

function total(items: readonly Converted[]): number {
  return items.reduce((sum, item) => sum + item.size, 0)
}

/** Integers arrive as bigint, so that no address loses bits; those that a number holds become one. */
function plain(value: unknown): unknown {
  if (typeof value !== 'bigint') return value
  const asNumber = Number(value)
  return Number.isSafeInteger(asNumber) ? asNumber : value
}
