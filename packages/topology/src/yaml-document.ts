/**
 * YamlDocument: YAML text with positions, so that every defect of a file names its line and column.
 *
 * Junk is answered with diagnostics, never with a crash: the composed tree is converted here, with duplicate keys,
 * depth, and what aliases expand to checked on the way.
 */
import {
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  type Scalar,
  type YAMLMap,
} from 'yaml'
import type { z } from 'zod'
import type { Diagnostic } from './diagnostic.ts'
import { schemaDiagnostics } from './schema-diagnostics.ts'
import { DEPTH_MAX, YamlConversion } from './yaml-conversion.ts'
import { tooDeepAt } from './yaml-depth.ts'

/** From 1. */
export interface YamlPosition {
  readonly line: number
  readonly column: number
}

export type YamlPath = readonly (string | number)[]

export type YamlCheck<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] }

export interface YamlSource {
  /** Name of the file, for diagnostics. */
  readonly file?: string
}

const START: YamlPosition = { line: 1, column: 1 }

/** Well above what the conversion accepts, well below what the composer's recursion can take. */
const DEPTH_LIMIT = 4 * DEPTH_MAX
const TOO_DEEP = `nested more than ${DEPTH_MAX} levels deep`

function positionIn(text: string, offset: number): YamlPosition {
  const before = text.slice(0, offset)
  const lines = before.split('\n')
  return { line: lines.length, column: lines.at(-1)!.length + 1 }
}

/**
 * @example
 * import { YamlDocument } from '@vfiokit/topology'
 * import { z } from 'zod'
 * const document = YamlDocument.parse('name: 7\n', { file: 'a.yaml' })
 * const result = document.check(z.strictObject({ name: z.string() }))
 * console.log(result.ok ? '' : result.diagnostics[0]?.line) // => 1
 */
export class YamlDocument {
  /** Never throws: what is wrong with the text is in `diagnostics`. A text with several documents is an error. */
  static parse(text: string, source: YamlSource = {}): YamlDocument {
    return new YamlDocument(text, source)
  }

  /** Plain data; integers beyond 2^53 are bigint. undefined when the text could not be read at all. */
  readonly value: unknown
  /** Syntax errors, duplicate keys, unresolved or exploding aliases, too deep nesting. */
  readonly diagnostics: readonly Diagnostic[]
  readonly #root: Node | null
  readonly #lines = new LineCounter()
  readonly #file: string | undefined
  readonly #pairs = new WeakMap<YAMLMap, ReadonlyMap<string, Pair>>()
  readonly #anchors: ReadonlyMap<string, Node>
  readonly #hasSyntaxErrors: boolean

  private constructor(text: string, source: YamlSource) {
    this.#file = source.file
    const found: Diagnostic[] = []
    this.#root = this.#compose(text, found)
    this.#hasSyntaxErrors = found.some((diagnostic) => diagnostic.severity === 'error')
    const conversion = new YamlConversion((severity, code, message, offset) => {
      found.push({ severity, code, message, ...this.#place(offset) })
    })
    this.value = this.#root === null ? undefined : conversion.convert(this.#root)
    this.#anchors = conversion.anchors
    this.diagnostics = Object.freeze(found)
  }

  /** Where the value at a path is; for a path that does not exist, its closest ancestor that does. */
  positionOf(path: YamlPath, part: 'value' | 'key' = 'value'): YamlPosition {
    let node: Node | null = this.#root
    let offset = node?.range?.[0]
    for (const [depth, step] of path.entries()) {
      const next = this.#step(node, step)
      if (next === undefined) break
      const wantsKey = part === 'key' && depth === path.length - 1
      const chosen = wantsKey ? (next.key ?? next.value) : (next.value ?? next.key)
      offset = chosen?.range?.[0] ?? offset
      node = next.value
    }
    return offset === undefined ? START : this.#position(offset)
  }

  /**
   * Validates the value at a path against a schema, after the text's own errors. One diagnostic per defect, each
   * at its place; an unknown key names the closest known one. The message of a schema's `refine` or format check
   * says what was expected.
   */
  check<T>(schema: z.ZodType<T>, path: YamlPath = []): YamlCheck<T> {
    const own = path.length === 0 ? this.diagnostics.filter((entry) => entry.severity === 'error') : []
    if (this.#hasSyntaxErrors && path.length === 0) return { ok: false, diagnostics: own }
    const result = schemaDiagnostics(schema, this.value, path)
    if (result.ok && own.length === 0) return { ok: true, value: result.value }
    const defects = result.ok ? [] : result.defects
    const placed = defects.map(({ part, path: place, ...rest }) => {
      return { severity: 'error' as const, ...rest, ...this.#named(this.positionOf(place, part)) }
    })
    return { ok: false, diagnostics: [...own, ...placed] }
  }

  /** A diagnostic of the caller's own, placed at a path. */
  diagnostic(path: YamlPath, rest: Omit<Diagnostic, 'file' | 'line' | 'column'>): Diagnostic {
    return { ...rest, ...this.place(path) }
  }

  /** The position of a path together with the name of the file. */
  place(path: YamlPath): Pick<Diagnostic, 'file' | 'line' | 'column'> {
    return this.#named(this.positionOf(path))
  }

  #compose(text: string, found: Diagnostic[]): Node | null {
    const deep = tooDeepAt(text, DEPTH_LIMIT)
    if (deep !== undefined) {
      const { line, column } = positionIn(text, deep)
      found.push({
        severity: 'error',
        code: 'yaml-too-deep',
        message: TOO_DEEP,
        ...this.#named({ line, column }),
      })
      return null
    }
    try {
      // Own checks replace the library's: its search for duplicate keys is quadratic.
      const options = { lineCounter: this.#lines, prettyErrors: false, uniqueKeys: false, intAsBigInt: true }
      const composed = parseAllDocuments(text, options)
      const documents = Array.isArray(composed) ? composed : []
      for (const document of documents) {
        for (const error of document.errors) this.#syntax(found, 'error', error.message, error.pos[0])
        for (const warning of document.warnings)
          this.#syntax(found, 'warning', warning.message, warning.pos[0])
      }
      const second = documents[1]
      if (second !== undefined) {
        this.#syntax(found, 'error', 'a second document: a file holds one', second.range[0])
      }
      return (documents[0]?.contents as Node | null | undefined) ?? null
    } catch (error) {
      // No text is known that makes the composer throw; if one does, it is still only bad input.
      const message = error instanceof Error ? error.message : String(error)
      found.push({ severity: 'error', code: 'yaml-syntax', message, ...this.#named(START) })
      return null
    }
  }

  #syntax(found: Diagnostic[], severity: 'error' | 'warning', message: string, offset: number): void {
    found.push({ severity, code: 'yaml-syntax', message, ...this.#place(offset) })
  }

  #step(node: Node | null, step: string | number): { key: Node | null; value: Node | null } | undefined {
    const target = isAlias(node) ? this.#anchors.get(node.source) : node
    if (isSeq(target)) {
      const item = target.items[Number(step)]
      return item === undefined || isPair(item) ? undefined : { key: null, value: item as Node | null }
    }
    if (!isMap(target)) return undefined
    const pair = this.#pairsOf(target).get(String(step))
    return pair === undefined ? undefined : { key: pair.key as Node | null, value: pair.value as Node | null }
  }

  #pairsOf(map: YAMLMap): ReadonlyMap<string, Pair> {
    const known = this.#pairs.get(map)
    if (known !== undefined) return known
    const pairs = new Map<string, Pair>()
    for (const pair of map.items) {
      const name = isScalar(pair.key) ? String((pair.key as Scalar).value) : String(pair.key)
      if (!pairs.has(name)) pairs.set(name, pair)
    }
    this.#pairs.set(map, pairs)
    return pairs
  }

  #position(offset: number): YamlPosition {
    const { line, col } = this.#lines.linePos(offset)
    return line === 0 ? START : { line, column: col }
  }

  #place(offset: number): Pick<Diagnostic, 'file' | 'line' | 'column'> {
    return this.#named(this.#position(offset))
  }

  #named(position: YamlPosition): Pick<Diagnostic, 'file' | 'line' | 'column'> {
    return this.#file === undefined ? position : { file: this.#file, ...position }
  }
}
