/**
 * PciNames: the words for numbers, from a text in the format of pci.ids.
 *
 * `vvvv  vendor`, below it TAB `dddd  device`, below that TAB TAB `ssss dddd  subsystem`; `C bb  class` with TAB
 * `ss  subclass` and TAB TAB `pp  interface`; `S ssss` with TAB `dddd` for subsystems of any device. A section is
 * read when a name of it is asked for. What the text does not name is undefined; bad lines are passed over.
 */
import type { PciFunction, SubsystemIds } from '../pci-function.ts'
import type { FunctionNames } from '../writers/lspci-list.ts'

/** What {@link PciNames.of} needs of a function. */
export type Named = Pick<PciFunction, 'vendorId' | 'deviceId' | 'classCode' | 'subsystem'>

/** One vendor, class or subsystem vendor with what is below it. */
interface Section {
  readonly name: string
  readonly entries: ReadonlyMap<number, Entry>
}

interface Entry {
  readonly name: string
  /** By `key` of the two ids of a subsystem, or by programming interface. */
  readonly children: Map<number, string>
}

const HEAD = /^(?:([CS]) )?([0-9a-f]{2}|[0-9a-f]{4}) {2}(.*)/i
const ENTRY = /^\t([0-9a-f]{2}|[0-9a-f]{4}) {2}(.*)/i
const CHILD = /^\t\t([0-9a-f]{4}) ([0-9a-f]{4}) {2}(.*)|^\t\t([0-9a-f]{2}) {2}(.*)/i

/**
 * @example
 * import { PciNames } from '@vfiokit/topology/names'
 * const names = new PciNames('8086  Intel Corporation\n\t2922  ICH9 SATA controller\n')
 * console.log(names.vendorName(0x8086), '|', names.deviceName(0x8086, 0x2922)) // => Intel Corporation | ICH9 SATA controller
 */
export class PciNames {
  readonly #text: string
  /** Where the section of a vendor, class or subsystem vendor starts: '8086', 'C01', 'S1af4'. */
  #starts: ReadonlyMap<string, number> | undefined
  readonly #sections = new Map<string, Section | undefined>()

  constructor(text: string) {
    this.#text = text
  }

  vendorName(vendorId: number): string | undefined {
    return this.#section(hex(vendorId, 4))?.name
  }

  deviceName(vendorId: number, deviceId: number): string | undefined {
    return this.#entry(hex(vendorId, 4), deviceId)?.name
  }

  /**
   * As lspci looks it up: the subsystem of that device, else of any device, else the device itself when both pairs
   * of ids are the same.
   */
  subsystemName(vendorId: number, deviceId: number, subsystem: SubsystemIds): string | undefined {
    const own = this.#entry(hex(vendorId, 4), deviceId)
    const found = own?.children.get(key(subsystem.vendorId, subsystem.deviceId))
    const general = found ?? this.#entry(`S${hex(subsystem.vendorId, 4)}`, subsystem.deviceId)?.name
    const isSame = subsystem.vendorId === vendorId && subsystem.deviceId === deviceId
    return general ?? (isSame ? own?.name : undefined)
  }

  /** Of the subclass, else of the base class. @param classCode 24 bits, as a function has it. */
  className(classCode: number): string | undefined {
    const base = `C${hex(classCode >>> 16, 2)}`
    return this.#entry(base, (classCode >>> 8) & 0xff)?.name ?? this.#section(base)?.name
  }

  /** Of the programming interface. @param classCode 24 bits, as a function has it. */
  interfaceName(classCode: number): string | undefined {
    const subclass = this.#entry(`C${hex(classCode >>> 16, 2)}`, (classCode >>> 8) & 0xff)
    return subclass?.children.get(classCode & 0xff)
  }

  /** All names of a function; those that are not known are left out. */
  of(fn: Named): FunctionNames & { readonly subsystem?: string } {
    const { vendorId, deviceId, classCode } = fn
    const names = {
      className: this.className(classCode),
      vendor: this.vendorName(vendorId),
      device: this.deviceName(vendorId, deviceId),
      subsystem: fn.subsystem && this.subsystemName(vendorId, deviceId, fn.subsystem),
    }
    return Object.fromEntries(Object.entries(names).filter(([, name]) => name !== undefined))
  }

  #entry(section: string, id: number): Entry | undefined {
    return this.#section(section)?.entries.get(id)
  }

  #section(name: string): Section | undefined {
    if (!this.#sections.has(name)) {
      this.#starts ??= sectionStarts(this.#text)
      const start = this.#starts.get(name)
      this.#sections.set(name, start === undefined ? undefined : readSection(this.#text, start))
    }
    return this.#sections.get(name)
  }
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}

function key(vendorId: number, deviceId: number): number {
  return vendorId * 0x10000 + deviceId
}

function sectionStarts(text: string): ReadonlyMap<string, number> {
  const starts = new Map<string, number>()
  for (const match of text.matchAll(/^(?:([CS]) )?([0-9a-f]{2,4}) {2}/gim)) {
    const name = `${match[1]?.toUpperCase() ?? ''}${match[2]!.toLowerCase()}`
    if (!starts.has(name)) starts.set(name, match.index)
  }
  return starts
}

function* linesFrom(text: string, start: number): Iterable<string> {
  for (let from = start; from < text.length; ) {
    const end = text.indexOf('\n', from)
    const line = text.slice(from, end < 0 ? text.length : end)
    yield line.endsWith('\r') ? line.slice(0, -1) : line
    from = end < 0 ? text.length : end + 1
  }
}

function readSection(text: string, start: number): Section {
  const entries = new Map<number, Entry>()
  let name: string | undefined
  let entry: Entry | undefined
  for (const line of linesFrom(text, start)) {
    const head = HEAD.exec(line)
    if (head !== null && name !== undefined) break
    if (head !== null) {
      name = head[3]!
      continue
    }
    const own = ENTRY.exec(line)
    if (own !== null) {
      entry = { name: own[2]!, children: new Map() }
      entries.set(Number.parseInt(own[1]!, 16), entry)
      continue
    }
    addChild(entry, line)
  }
  return { name: name ?? '', entries }
}

function addChild(entry: Entry | undefined, line: string): void {
  const match = CHILD.exec(line)
  if (entry === undefined || match === null) return
  const number = (digits: string | undefined): number => Number.parseInt(digits ?? '', 16)
  if (match[4] !== undefined) entry.children.set(number(match[4]), match[5]!)
  else entry.children.set(key(number(match[1]), number(match[2])), match[3]!)
}
