/**
 * Reads the PCI part of an XML file of hwloc (`lstopo --of xml --whole-io`), of its versions 1 to 3.
 *
 * hwloc has ids, classes, drivers, slots and the bus numbers of bridges; no configuration space, so neither BARs nor
 * capabilities, and no groups. It leaves out what it thinks unimportant unless it was asked for everything. Its nesting
 * comes from the bus numbers, so the bus numbers are what is read.
 *
 * The parser reads no external file, expands no entity that the document defines, and goes no deeper than
 * {@link DEPTH_MAX}.
 */
import { SaxesParser } from 'saxes'
import { Bdf } from '../bdf.ts'
import type { BusNumbers } from '../bridge.ts'
import type { Diagnostic } from '../diagnostic.ts'
import type { FunctionInput, SubsystemIds } from '../pci-function.ts'
import type { Topology } from '../topology.ts'
import { TopologyBuilder } from '../topology-builder.ts'
import type { ReadSource, TopologyReader } from './topology-reader.ts'

/** Machines nest some twenty objects; XML that goes deeper than this is not hwloc's. */
const DEPTH_MAX = 512
/** A damaged document is told so this many times. */
const SYNTAX_FAULTS_MAX = 20

export const hwlocXmlReader: TopologyReader = {
  format: 'hwloc-xml',
  recognises(text) {
    return /^\s*(?:<\?xml[^>]*>\s*)?(?:<!DOCTYPE\s+topology\b|<topology[\s/>])/.test(text)
  },
  read(text, source) {
    return new HwlocReading(text, source).read()
  },
}

type Position = Required<Pick<Diagnostic, 'line' | 'column'>>
type Attributes = Readonly<Record<string, string>>

/** A PCI function while its element is open. */
interface Open {
  readonly bdf: Bdf
  readonly attributes: Attributes
  readonly position: Position
  driver?: string
  slot?: string
}

/** Elements of hwloc that have text in them. */
const TEXT_ELEMENTS: ReadonlySet<string> = new Set(['userdata', 'indexes', 'u64values'])

/** The document cannot be read further; never leaves this file. */
class Unreadable extends Error {}

class HwlocReading {
  readonly #text: string
  readonly #builder: TopologyBuilder
  readonly #file: Pick<Diagnostic, 'file'>
  readonly #parser = new SaxesParser()
  /** One entry per open element: its PCI function, if it is one. */
  readonly #open: (Open | undefined)[] = []
  /** The name of the element that was opened last, until it or another one closes. */
  #inside = ''
  readonly #positions = new Map<Bdf, Position>()
  readonly #slots = new Set<string>()
  readonly #lineStarts: readonly number[]
  #start: Position = { line: 1, column: 1 }
  #syntaxFaults = 0

  constructor(text: string, source: ReadSource) {
    this.#text = text
    this.#file = source.file === undefined ? {} : { file: source.file }
    this.#lineStarts = lineStarts(text)
    this.#builder = new TopologyBuilder((bdf) => ({
      ...this.#file,
      ...(bdf === undefined ? {} : this.#positions.get(bdf)),
    }))
  }

  read(): Topology {
    const parser = this.#parser
    parser.on('error', ({ message }) => this.#syntaxFault(message))
    parser.on('opentagstart', () => {
      this.#start = this.#positionOf(this.#text.lastIndexOf('<', parser.position - 1))
    })
    parser.on('opentag', ({ name, attributes }) => this.#enter(name, attributes))
    parser.on('closetag', () => this.#leave())
    parser.on('text', (content) => this.#stray(content))
    try {
      parser.write(this.#text).close()
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error
    }
    // What a document that breaks off leaves open was read as far as it goes.
    while (this.#open.length > 0) this.#leave()
    return this.#builder.finish()
  }

  /** @param told what saxes says, with its place in front, which counts from 0. */
  #syntaxFault(told: string): void {
    this.#syntaxFaults += 1
    const position = this.#positionOf(this.#parser.position)
    const isLast = this.#syntaxFaults === SYNTAX_FAULTS_MAX
    const reason = told.replace(/^\d+:\d+: /, '').replace(/\.$/, '')
    const message = `not well-formed XML: ${reason}${isLast ? ', once too often: the rest is left out' : ''}`
    this.#fault({ code: 'xml-syntax', message }, position)
    if (isLast) throw new Unreadable()
  }

  #enter(name: string, attributes: Attributes): void {
    if (this.#open.length === DEPTH_MAX) {
      const message = `more than ${DEPTH_MAX} elements inside each other: the rest is left out`
      this.#fault({ code: 'xml-too-deep', message }, this.#start)
      throw new Unreadable()
    }
    this.#inside = name
    if (name === 'info') this.#info(attributes)
    this.#open.push(isFunction(name, attributes) ? this.#function(attributes) : undefined)
  }

  /** Objects hold objects, not text: this is what a damaged tag leaves. */
  #stray(content: string): void {
    const text = content.trim()
    if (text === '' || TEXT_ELEMENTS.has(this.#inside)) return
    const bdf = Bdf.tryParse(/ pci_busid="([^"]*)"/.exec(text)?.[1] ?? '')
    const message = `${bdf === undefined ? '' : `${bdf}: `}text between the elements is left out`
    const found = text.length > 60 ? `${text.slice(0, 60)}...` : text
    // With character references in it the text was longer; then this is a little late.
    const offset = this.#parser.position - 1 - content.trimStart().length
    const named = bdf === undefined ? {} : { bdf }
    this.#fault({ code: 'hwloc-stray-text', message, found, ...named }, this.#positionOf(Math.max(0, offset)))
  }

  #function(attributes: Attributes): Open | undefined {
    const position = this.#start
    const { pci_busid: found } = attributes
    const bdf = found === undefined ? undefined : Bdf.tryParse(found)
    if (bdf !== undefined) {
      this.#positions.set(bdf, position)
      return { bdf, attributes, position }
    }
    const message = 'a PCI object whose pci_busid is no address: it is left out'
    const expected = 'domain:bus:device.function'
    this.#fault({ code: 'hwloc-address', message, expected, found: found ?? 'none' }, position)
    return undefined
  }

  #info({ name, value }: Attributes): void {
    const open = this.#open.at(-1)
    if (open === undefined || value === undefined || value === '') return
    if (name === 'LinuxDriver') open.driver = value
    else if (name === 'PCISlot') open.slot = value
  }

  #leave(): void {
    this.#inside = ''
    const open = this.#open.pop()
    if (open === undefined) return
    const { bdf, driver, slot } = open
    const isBridge = open.attributes.type === 'Bridge'
    const busNumbers = isBridge ? this.#busNumbers(open) : undefined
    this.#builder.addFunction({ bdf, ...this.#identity(open), busNumbers, driver })
    if (slot === undefined || this.#slots.has(slot)) return
    this.#slots.add(slot)
    const { domain, bus, device } = Bdf.parts(bdf)
    this.#builder.addSlot({ name: slot, domain, bus, device })
  }

  #identity(open: Open): Partial<FunctionInput> {
    const text = open.attributes.pci_type
    const match = PCI_TYPE.exec(text ?? '')
    if (match === null) {
      const expected = 'class [vendor:device] [subvendor:subdevice] revision'
      this.#attributeFault(open, 'pci_type', expected, text)
      return {}
    }
    const hex = match.slice(1).map((digits) => Number.parseInt(digits ?? '0', 16))
    const [kind, vendorId, deviceId, subvendor, subdevice, revision, progIf] = hex as Seven
    const classCode = kind * 256 + progIf
    return { vendorId, deviceId, classCode, revision, subsystem: subsystem(subvendor, subdevice) }
  }

  #busNumbers(open: Open): BusNumbers | undefined {
    const text = open.attributes.bridge_pci
    const match = BRIDGE_PCI.exec(text ?? '')
    if (match === null) {
      this.#attributeFault(open, 'bridge_pci', 'domain:[secondary-subordinate]', text)
      return undefined
    }
    const { bus: primary } = Bdf.parts(open.bdf)
    const [secondary, subordinate] = match.slice(1).map((digits) => Number.parseInt(digits, 16)) as [
      number,
      number,
    ]
    return { primary, secondary, subordinate }
  }

  #attributeFault({ bdf, position }: Open, name: string, expected: string, found = 'none'): void {
    const message = `${bdf}: ${name} is left out`
    this.#fault({ code: 'hwloc-attribute', message, expected, found, bdf }, position)
  }

  #fault(fault: Omit<Diagnostic, 'severity' | 'file' | 'line' | 'column'>, position: Position): void {
    this.#builder.addFault({ severity: 'error', ...fault, ...this.#file, ...position })
  }

  #positionOf(offset: number): Position {
    const starts = this.#lineStarts
    let low = 0
    let high = starts.length
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if (starts[middle]! <= offset) low = middle
      else high = middle
    }
    return { line: low + 1, column: Math.max(0, offset - starts[low]!) + 1 }
  }
}

type Seven = [number, number, number, number, number, number, number]
/** Version 3 says the programming interface too. */
const PCI_TYPE =
  /^([0-9a-f]{4}) \[([0-9a-f]{4}):([0-9a-f]{4})\] \[([0-9a-f]{4}):([0-9a-f]{4})\] ([0-9a-f]{2})(?: ([0-9a-f]{2}))?$/i
const BRIDGE_PCI = /^[0-9a-f]{4,8}:\[([0-9a-f]{2})-([0-9a-f]{2})\]$/i

/** Whatever has an address, and what should have one; a bridge `0-1` is a host bridge, which is no function. */
function isFunction(name: string, { type, bridge_type: kind, pci_busid: address }: Attributes): boolean {
  if (address !== undefined) return true
  return name === 'object' && (type === 'PCIDev' || (type === 'Bridge' && kind === '1-1'))
}

/** hwloc writes zeros where there is none. */
function subsystem(vendorId: number, deviceId: number): SubsystemIds | undefined {
  return vendorId === 0 || vendorId === 0xffff ? undefined : Object.freeze({ vendorId, deviceId })
}

function lineStarts(text: string): readonly number[] {
  const starts = [0]
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}
