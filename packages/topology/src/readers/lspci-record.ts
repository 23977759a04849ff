/**
 * One function as `lspci -mm` and `lspci -vmm` describe it: named fields of text. Both forms are read into this, and
 * this into a topology.
 *
 * Ids are taken from brackets (-nn) or bare numbers (-n), and only when class, vendor and device all have one: a name
 * may end in brackets too. Kernel modules and NUMA nodes have no place in a topology and are passed.
 */
import { Bdf } from '../bdf.ts'
import type { Diagnostic } from '../diagnostic.ts'
import type { FunctionInput, SubsystemIds } from '../pci-function.ts'
import type { Topology } from '../topology.ts'
import { TopologyBuilder } from '../topology-builder.ts'
import type { ReadSource } from './topology-reader.ts'

/** Text of a field, and where it starts. */
export interface LspciField {
  readonly text: string
  readonly line: number
  readonly column: number
}

/** The fields of -vmm that are read; -mm has the first seven. */
export const LSPCI_FIELDS = [
  'Class',
  'Vendor',
  'Device',
  'SVendor',
  'SDevice',
  'Rev',
  'ProgIf',
  'Driver',
  'IOMMUGroup',
  'PhySlot',
] as const
export type LspciFieldName = (typeof LSPCI_FIELDS)[number]

export interface LspciRecord {
  readonly bdf: Bdf
  readonly line: number
  readonly column: number
  readonly fields: Map<LspciFieldName, LspciField>
}

/** Ids that a function has when its source names it without them. */
const NO_ID = 0xffff
/** The classes that decide the shape of the tree, as lspci names them. */
const BRIDGE_CLASSES: Readonly<Record<string, number>> = {
  'PCI bridge': 0x060400,
  'CardBus bridge': 0x060700,
}

/**
 * Identity of a function that lspci printed with names only: no ids, and of the classes only those of bridges.
 * @param className the class in words.
 */
export function namedIdentity(
  className: string,
): Pick<FunctionInput, 'vendorId' | 'deviceId' | 'classCode' | 'revision'> {
  return { vendorId: NO_ID, deviceId: NO_ID, classCode: BRIDGE_CLASSES[className] ?? 0, revision: 0 }
}

/** One fault for all functions that were printed without ids. */
export function idsNotPrinted(
  bdfs: readonly Bdf[],
  option: string,
  place: Pick<Diagnostic, 'file' | 'line' | 'column'>,
): Diagnostic {
  const some = bdfs.length === 1 ? `${bdfs[0]} is` : `${bdfs.length} functions, from ${bdfs[0]} on, are`
  const message = `${some} printed with names but without ids: the ids are taken as unknown`
  const expected = `the output of lspci ${option}`
  return { severity: 'warning', code: 'ids-not-printed', message, expected, bdf: bdfs[0]!, ...place }
}

export class LspciRecords {
  readonly #builder: TopologyBuilder
  readonly #file: Pick<Diagnostic, 'file'>
  readonly #records: LspciRecord[] = []
  readonly #places = new Map<Bdf, Pick<Diagnostic, 'line' | 'column'>>()
  readonly #option: string

  /** @param option the lspci option that prints ids in this form. */
  constructor(source: ReadSource, option: string) {
    this.#option = option
    this.#file = source.file === undefined ? {} : { file: source.file }
    this.#builder = new TopologyBuilder((bdf) => ({
      ...this.#file,
      ...(bdf === undefined ? {} : this.#places.get(bdf)),
    }))
  }

  add(record: LspciRecord): void {
    this.#records.push(record)
    this.#places.set(record.bdf, { line: record.line, column: record.column })
  }

  fault(fault: Omit<Diagnostic, 'severity' | 'file'>): void {
    this.#builder.addFault({ severity: 'error', ...fault, ...this.#file })
  }

  finish(): Topology {
    const named: LspciRecord[] = []
    for (const record of this.#records) {
      const identity = this.#identity(record)
      if (identity === undefined) named.push(record)
      this.#builder.addFunction({
        bdf: record.bdf,
        ...(identity ?? namedIdentity(record.fields.get('Class')?.text ?? '')),
        subsystem: subsystem(record),
        driver: record.fields.get('Driver')?.text,
        iommuGroup: this.#number(record, 'IOMMUGroup', /^\d{1,9}$/, 10),
      })
    }
    if (named.length > 0) {
      const { line, column } = named[0]!
      const bdfs = named.map(({ bdf }) => bdf)
      this.#builder.addFault(idsNotPrinted(bdfs, this.#option, { ...this.#file, line, column }))
    }
    this.#slots()
    return this.#builder.finish()
  }

  #identity(
    record: LspciRecord,
  ): Pick<FunctionInput, 'vendorId' | 'deviceId' | 'classCode' | 'revision'> | undefined {
    const revision = this.#number(record, 'Rev', /^[0-9a-f]{2}$/i, 16) ?? 0
    const progIf = this.#number(record, 'ProgIf', /^[0-9a-f]{2}(?: |$)/i, 16) ?? 0
    const kind = idOf(record, 'Class')
    const vendorId = idOf(record, 'Vendor')
    const deviceId = idOf(record, 'Device')
    if (kind === undefined || vendorId === undefined || deviceId === undefined) return undefined
    return { vendorId, deviceId, classCode: kind * 256 + progIf, revision }
  }

  #number(record: LspciRecord, name: LspciFieldName, shape: RegExp, radix: number): number | undefined {
    const field = record.fields.get(name)
    if (field === undefined) return undefined
    if (shape.test(field.text)) return Number.parseInt(field.text, radix)
    const { line, column, text } = field
    const expected = radix === 10 ? 'a decimal number' : 'two hexadecimal digits'
    const message = `${record.bdf}: ${name} is left out`
    this.fault({
      code: 'list-field-malformed',
      message,
      expected,
      found: text,
      bdf: record.bdf,
      line,
      column,
    })
    return undefined
  }

  /** A slot is printed with each function in it; the first one says where it is. */
  #slots(): void {
    const seen = new Set<string>()
    for (const { bdf, fields } of this.#records) {
      const name = fields.get('PhySlot')?.text
      if (name === undefined || seen.has(name)) continue
      seen.add(name)
      const { domain, bus, device } = Bdf.parts(bdf)
      this.#builder.addSlot({ name, domain, bus, device })
    }
  }
}

const BARE = /^[0-9a-f]{4}$/i
const IN_BRACKETS = /\[([0-9a-f]{4})\]$/i

function idOf(record: LspciRecord, name: LspciFieldName): number | undefined {
  const text = record.fields.get(name)?.text
  if (text === undefined) return undefined
  const digits = BARE.test(text) ? text : IN_BRACKETS.exec(text)?.[1]
  return digits === undefined ? undefined : Number.parseInt(digits, 16)
}

function subsystem(record: LspciRecord): SubsystemIds | undefined {
  const vendorId = idOf(record, 'SVendor')
  const deviceId = idOf(record, 'SDevice')
  return vendorId === undefined || deviceId === undefined ? undefined : Object.freeze({ vendorId, deviceId })
}
