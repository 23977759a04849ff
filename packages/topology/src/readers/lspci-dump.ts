/**
 * Reads what `lspci -x`, `-xxx` or `-xxxx` prints, alone or with `-v`, `-nn` and `-D`, as people paste it into mails
 * and bug reports.
 *
 * More is accepted than lspci's own -F takes: quoting, indentation, code fences, CRLF, a missing last newline, blank
 * lines between the rows. Bytes that no row gives are unknown, not ff. Of the verbose lines those are read that say
 * what the bytes cannot: BAR sizes, driver, IOMMU group, physical slot, and the ids of a virtual function.
 */
import { Bdf } from '../bdf.ts'
import type { Diagnostic } from '../diagnostic.ts'
import { configOfBytes } from '../hex-bytes.ts'
import type { FunctionInput } from '../pci-function.ts'
import type { Topology } from '../topology.ts'
import { TopologyBuilder } from '../topology-builder.ts'
import { idsNotPrinted, namedIdentity } from './lspci-record.ts'
import { headerFacts, type VerboseFacts, verboseFacts } from './lspci-verbose.ts'
import type { ReadSource, TopologyReader } from './topology-reader.ts'

const CONFIG_MAX_BYTES = 4096
const QUOTING = /^(?:[ \t]*>)*[ \t]*/
/** A stray carriage return in a name does not end the line. */
const HEADER = /^((?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])(?:\s+(.*))?$/is
/** An offset and at least one byte; what follows is checked byte by byte. */
const ROW = /^([0-9a-f]{2,8}):((?:\s+\S+)+)\s*$/i
const ROW_START = /^[0-9a-f]{2,8}: [0-9a-f]{2}(?:\s|$)/i
const BYTE = /^[0-9a-f]{2}$/i

export const lspciDumpReader: TopologyReader = {
  format: 'lspci-dump',
  recognises(text) {
    const header = /^[>\t ]*(?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7](?:\s|$)/im
    return header.test(text) && /^[>\t ]*[0-9a-f]{2,8}: [0-9a-f]{2}(?:\s|$)/im.test(text)
  },
  read(text, source) {
    return readLspciText(text, source, 'bytes-expected')
  },
}

/**
 * Reads lspci's text for people, with rows or without.
 * @param wants `names-are-enough`: functions without bytes or ids are one fault together, not one each.
 */
export function readLspciText(
  text: string,
  source: ReadSource,
  wants: 'bytes-expected' | 'names-are-enough',
): Topology {
  return new DumpReading(source).read(text, wants === 'names-are-enough')
}

/** One function while its lines go by. */
interface Open {
  readonly bdf: Bdf
  readonly line: number
  readonly bytes: (number | undefined)[]
  readonly facts: VerboseFacts
  /** Inside a capability's own lines, where "Region" means something else. */
  inCapabilities: boolean
  /** A blank line went by: only a row that goes on where the last one ended belongs here. */
  isClosed: boolean
}

class DumpReading {
  readonly #builder: TopologyBuilder
  readonly #file: Pick<Diagnostic, 'file'>
  readonly #functions: Open[] = []
  readonly #lines = new Map<Bdf, number>()
  #open: Open | undefined

  constructor(source: ReadSource) {
    this.#file = source.file === undefined ? {} : { file: source.file }
    this.#builder = new TopologyBuilder((bdf) => {
      const line = bdf === undefined ? undefined : this.#lines.get(bdf)
      return line === undefined ? this.#file : { ...this.#file, line, column: 1 }
    })
  }

  read(text: string, isList: boolean): Topology {
    const lines = text.split('\n')
    for (const [index, raw] of lines.entries()) this.#line(raw.trimEnd(), index + 1)
    const isLarge = this.#functions.some((open) => open.bytes.length > 256)
    const named = isList ? this.#functions.filter(isNamedOnly) : []
    for (const open of this.#functions) {
      const input = inputOf(open, isLarge)
      this.#builder.addFunction(
        isList && isNamedOnly(open) ? { ...input, ...namedIdentity(open.facts.className ?? '') } : input,
      )
    }
    if (named.length > 0) {
      const bdfs = named.map(({ bdf }) => bdf)
      this.#builder.addFault(idsNotPrinted(bdfs, '-nn', { ...this.#file, line: named[0]!.line, column: 1 }))
    }
    this.#slots()
    return this.#builder.finish()
  }

  #line(raw: string, line: number): void {
    const quoting = QUOTING.exec(raw)![0].length
    const text = raw.slice(quoting)
    if (text === '') {
      if (this.#open !== undefined) this.#open.isClosed = true
      return
    }
    const header = HEADER.exec(text)
    const bdf = header === null ? undefined : Bdf.tryParse(header[1]!)
    if (bdf !== undefined) this.#start(bdf, header![2] ?? '', line)
    else if (ROW_START.test(text)) this.#row(text, line, quoting)
    else if (this.#open !== undefined && !this.#open.isClosed) this.#verbose(this.#open, text)
  }

  #start(bdf: Bdf, description: string, line: number): void {
    const facts = headerFacts(description)
    this.#open = { bdf, line, bytes: [], facts, inCapabilities: false, isClosed: false }
    this.#functions.push(this.#open)
    this.#lines.set(bdf, line)
  }

  #verbose(open: Open, text: string): void {
    if (text.startsWith('Capabilities:')) open.inCapabilities = true
    verboseFacts(open.facts, text, open.inCapabilities)
  }

  #row(text: string, line: number, quoting: number): void {
    const match = ROW.exec(text)!
    const offset = Number.parseInt(match[1]!, 16)
    const open = this.#open
    if (open === undefined || (open.isClosed && offset !== open.bytes.length)) return
    open.isClosed = false
    let column = quoting + match[1]!.length + 2
    let at = offset
    for (const token of match[2]!.split(/(?<=\S)(?=\s)/)) {
      const byte = token.trim()
      const place = { line, column: column + token.length - byte.length }
      column += token.length
      if (!BYTE.test(byte)) {
        const message = `${open.bdf}: row ${match[1]}: the rest of the row is left out`
        this.#fault(
          { code: 'dump-row-malformed', message, expected: 'two hexadecimal digits', found: byte },
          place,
          open,
        )
        return
      }
      if (at >= CONFIG_MAX_BYTES) {
        const message = `${open.bdf}: a row goes beyond the ${CONFIG_MAX_BYTES} bytes of configuration space`
        this.#fault({ code: 'dump-offset-beyond', message, found: `offset ${match[1]}` }, place, open)
        return
      }
      while (open.bytes.length < at) open.bytes.push(undefined)
      open.bytes[at] = Number.parseInt(byte, 16)
      at += 1
    }
  }

  #fault(
    fault: Omit<Diagnostic, 'severity'>,
    place: { readonly line: number; readonly column: number },
    open: Open,
  ): void {
    this.#builder.addFault({ severity: 'error', ...fault, bdf: open.bdf, ...this.#file, ...place })
  }

  /** A slot is printed with each function in it; the first one says where it is. */
  #slots(): void {
    const seen = new Set<string>()
    for (const { bdf, facts } of this.#functions) {
      if (facts.slot === undefined || seen.has(facts.slot)) continue
      seen.add(facts.slot)
      const { domain, bus, device } = Bdf.parts(bdf)
      this.#builder.addSlot({ name: facts.slot, domain, bus, device })
    }
  }
}

function isNamedOnly({ bytes, facts }: Open): boolean {
  return bytes.length === 0 && facts.identity.vendorId === undefined
}

function inputOf(open: Open, isLarge: boolean): FunctionInput {
  const { bdf, bytes, facts } = open
  // Where others have 4096 bytes, one with 256 has no more.
  const whole = bytes.length === 4096 ? 4096 : isLarge && bytes.length === 256 ? 256 : undefined
  const readsFfff = bytes[0] === 0xff && bytes[1] === 0xff
  return {
    bdf,
    ...(bytes.length === 0 || readsFfff ? facts.identity : {}),
    config: bytes.length === 0 ? undefined : configOfBytes(bytes),
    configSizeBytes: whole,
    bars: facts.bars.length === 0 ? undefined : facts.bars,
    busNumbers: bytes.length === 0 ? facts.busNumbers : undefined,
    subsystem: facts.subsystem,
    driver: facts.driver,
    iommuGroup: facts.iommuGroup,
  }
}
