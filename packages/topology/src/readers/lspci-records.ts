/**
 * Reads `lspci -vmm` and `-vm`: a record for each function, `Tag:<TAB>value` on each line, a blank line between.
 * Tags that are not known are passed, as lspci's manual asks.
 */
import { Bdf } from '../bdf.ts'
import type { Topology } from '../topology.ts'
import { LSPCI_FIELDS, type LspciFieldName, type LspciRecord, LspciRecords } from './lspci-record.ts'
import type { TopologyReader } from './topology-reader.ts'

const LINE = /^([>\t ]*)([A-Za-z]+):(\s*)(.*)$/s
const KNOWN: ReadonlySet<string> = new Set(LSPCI_FIELDS)

export const lspciRecordsReader: TopologyReader = {
  format: 'lspci-vmm',
  recognises(text) {
    return /^[>\t ]*(?:Slot|Device):[\t ]+(?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]\s*$/im.test(text)
  },
  read(text, source) {
    return new RecordReading(new LspciRecords(source, '-vmmnn')).read(text)
  },
}

class RecordReading {
  readonly #records: LspciRecords
  #open: LspciRecord | undefined
  /** A record without an address is told once. */
  #isLost = false

  constructor(records: LspciRecords) {
    this.#records = records
  }

  read(text: string): Topology {
    text.split('\n').forEach((raw, index) => void this.#line(raw.trimEnd(), index + 1))
    return this.#records.finish()
  }

  #line(text: string, line: number): void {
    if (/^[>\t ]*$/.test(text)) {
      this.#open = undefined
      this.#isLost = false
      return
    }
    const match = LINE.exec(text)
    if (match === null) return
    const [, quoting, tag, gap, value] = match as unknown as readonly [string, string, string, string, string]
    const column = quoting.length + tag.length + 1 + gap.length + 1
    const bdf = tag === 'Slot' || tag === 'Device' ? Bdf.tryParse(value) : undefined
    if (bdf !== undefined) this.#start({ bdf, line, column, fields: new Map() })
    else if (tag === 'Slot') this.#badSlot(value, line, column)
    else if (KNOWN.has(tag)) this.#field(tag as LspciFieldName, value, line, column)
  }

  #start(record: LspciRecord): void {
    this.#open = record
    this.#isLost = false
    this.#records.add(record)
  }

  #badSlot(found: string, line: number, column: number): void {
    this.#open = undefined
    this.#isLost = true
    const expected = '[domain:]bus:device.function'
    const message = 'a record whose slot is no address: it is left out'
    this.#records.fault({ code: 'record-without-address', message, expected, found, line, column })
  }

  #field(name: LspciFieldName, text: string, line: number, column: number): void {
    const open = this.#open
    if (open === undefined) {
      if (this.#isLost) return
      this.#isLost = true
      const message = 'a record that does not say its slot: it is left out'
      this.#records.fault({
        code: 'record-without-address',
        message,
        expected: 'Slot:',
        found: `${name}:`,
        line,
        column,
      })
      return
    }
    if (open.fields.has(name)) {
      const message = `${open.bdf}: ${name} is said twice: the first counts`
      this.#records.fault({ code: 'duplicate-field', message, found: text, bdf: open.bdf, line, column })
    } else if (text !== '') open.fields.set(name, { text, line, column })
  }
}
