/**
 * RegisterProfile: what was measured of one kind of device behind its BARs, and the reader of its JSON form.
 *
 * | class of a register | |
 * |---|---|
 * | constant, volatile | takes no writes (a volatile one also changes by itself) |
 * | storage | fixed bits, or what was written under the mask |
 * | inverted | stores the complement of what is written |
 * | rc | storage that a read clears |
 * | logic | the initial value until written; then what `observed` lets one say for certain |
 *
 * A narrow access (1 or 2 bytes of a wider register) follows `narrow`, or the register's own `read` and `write`.
 */
import type { Diagnostic } from '@vfiokit/topology'
import type { ResetEvent } from './device-model.ts'
import { ProfileFields } from './profile-fields.ts'

export const REGISTER_CLASSES = ['constant', 'storage', 'inverted', 'rc', 'logic', 'volatile'] as const
/** bytes: as memory; low: the low bytes at any offset; exact: the low bytes at its own address, else 0; zero. */
export const NARROW_READS = ['bytes', 'low', 'exact', 'zero'] as const
/**
 * bytes: as memory; replace: at its own address the zero-extended value becomes the whole; replace-any: the same at
 * any offset; merge-exact: the low bytes, at its own address; merge16: becomes the low 16 bits; ignored.
 */
export const NARROW_WRITES = ['bytes', 'replace', 'replace-any', 'merge-exact', 'merge16', 'ignored'] as const
export type RegisterClass = (typeof REGISTER_CLASSES)[number]
export type NarrowRead = (typeof NARROW_READS)[number]
export type NarrowWrite = (typeof NARROW_WRITES)[number]

export interface ProfiledRegister {
  readonly offset: number
  /** 1, 2, 4 or 8. */
  readonly sizeBytes: number
  readonly class: RegisterClass
  readonly initial: bigint
  /** Of storage and logic: bits that take writes. */
  readonly rwMask: bigint | undefined
  readonly fixed: bigint
  /** Undefined: not measured. */
  readonly clearedBy: readonly ResetEvent[] | undefined
  readonly resetValue: bigint
  readonly read: NarrowRead
  readonly write: NarrowWrite
  /** Read after all ones, zeros, 0x5a5a1234 and 0xa5a5edcb were written. */
  readonly observed: readonly bigint[]
}

/** Bytes that are there without being registers: given ones from `offset`, or a pattern up to `end`. */
export interface ProfiledBytes {
  readonly offset: number
  readonly end: number
  /** Repeated up to `end`. */
  readonly pattern: Uint8Array
}

export interface ProfiledBar {
  readonly bar: number
  readonly class: 'registers' | 'ram' | 'alias' | 'ioaddr'
  /** Of alias and ioaddr: the BAR that has the registers. */
  readonly of: number | undefined
  /** Of alias: zeros from here. */
  readonly limit: number | undefined
  readonly registers: readonly ProfiledRegister[]
  readonly bytes: readonly ProfiledBytes[]
  /** What is read where nothing is known. */
  readonly default: 0 | 0xff
  /** Of ram. */
  readonly clearedBy: readonly ResetEvent[]
}

export interface ProfiledRom {
  /** After this many bytes the BAR reads ones. */
  readonly imageBytes: number
  /** The beginning of the image. */
  readonly first: Uint8Array
}

export interface ProfiledVga {
  /** By address. */
  readonly ports: ReadonlyMap<number, number>
}

export interface RegisterProfile {
  readonly kind: string
  readonly vendorId: number
  readonly deviceId: number
  /** For what is not a register of its own. */
  readonly narrowRead: NarrowRead
  readonly narrowWrite: NarrowWrite
  readonly bars: readonly ProfiledBar[]
  readonly rom: ProfiledRom | undefined
  readonly vga: ProfiledVga | undefined
}

export interface RegisterProfileResult {
  /** Undefined when a diagnostic is an error. */
  readonly profile: RegisterProfile | undefined
  readonly diagnostics: readonly Diagnostic[]
}

/**
 * Reads the JSON text of a profile. Numbers of it are hexadecimal text, but for BAR numbers and sizes.
 * @param file named in diagnostics, whose message starts with the member, such as `bars[0].registers[3].class`
 */
export function parseRegisterProfile(text: string, file?: string): RegisterProfileResult {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    const { message } = error as Error
    return { profile: undefined, diagnostics: [defect('file', 'JSON', message, file)] }
  }
  return registerProfileOf(json, file)
}

/** As {@link parseRegisterProfile}, of JSON that is read already. */
export function registerProfileOf(json: unknown, file?: string): RegisterProfileResult {
  const diagnostics: Diagnostic[] = []
  const complain = (place: string, expected: string, found: unknown): void => {
    diagnostics.push(defect(place, expected, found, file))
  }
  const profile = profileOf(new ProfileFields(json, '', complain))
  return { profile: diagnostics.length === 0 ? profile : undefined, diagnostics }
}

function defect(place: string, expected: string, found: unknown, file: string | undefined): Diagnostic {
  const shown = JSON.stringify(found) ?? 'nothing'
  return {
    severity: 'error',
    code: 'register-profile',
    message: `${place}: not as expected`,
    expected,
    found: shown.length > 40 ? `${shown.slice(0, 40)}...` : shown,
    ...(file === undefined ? {} : { file }),
  }
}

function profileOf(fields: ProfileFields): RegisterProfile {
  const id = fields.text('id', /^[0-9a-f]{4}:[0-9a-f]{4}$/)
  const narrow = fields.object('narrow')
  const read = narrow.choice('read', NARROW_READS)
  const write = narrow.choice('write', NARROW_WRITES)
  const bars = fields.list('bars')
  const isVga = (bar: ProfileFields): boolean => bar.has('class') && bar.raw('class') === 'vga-legacy'
  const vga = bars.find(isVga)
  const rom = fields.has('rom') ? fields.object('rom') : undefined
  return {
    kind: fields.text('kind', /./),
    vendorId: Number.parseInt(id.slice(0, 4), 16),
    deviceId: Number.parseInt(id.slice(5), 16),
    narrowRead: read,
    narrowWrite: write,
    bars: bars.filter((bar) => !isVga(bar)).map((bar) => barOf(bar, read, write)),
    rom: rom && { imageBytes: Number(rom.hex('image')), first: rom.bytes('first512') },
    vga: vga && { ports: vga.object('ports').hexMap() },
  }
}

function barOf(fields: ProfileFields, read: NarrowRead, write: NarrowWrite): ProfiledBar {
  const kind = fields.has('class') ? fields.choice('class', ['ram', 'alias', 'ioaddr']) : 'registers'
  const size = fields.integer('size')
  return {
    bar: fields.integer('bar'),
    class: kind,
    of: kind === 'alias' || kind === 'ioaddr' ? fields.integer('of') : undefined,
    limit: fields.has('limit') ? Number(fields.hex('limit')) : undefined,
    registers: fields.list('registers').map((register) => registerOf(register, read, write)),
    bytes: ['init', 'ranges', 'unprobed'].flatMap((name) =>
      fields.list(name).map((each) => bytesOf(each, size)),
    ),
    default: fields.choice('default', ['zero', 'ones']) === 'ones' ? 0xff : 0,
    clearedBy: fields.has('clearedBy') ? fields.events('clearedBy') : [],
  }
}

function registerOf(fields: ProfileFields, read: NarrowRead, write: NarrowWrite): ProfiledRegister {
  const initial = fields.hex('initial')
  return {
    offset: Number(fields.hex('offset')),
    sizeBytes: fields.integer('size'),
    class: fields.choice('class', REGISTER_CLASSES),
    initial,
    rwMask: fields.has('rwMask') ? fields.hex('rwMask') : undefined,
    fixed: fields.has('fixed') ? fields.hex('fixed') : 0n,
    clearedBy: fields.has('clearedBy') ? fields.events('clearedBy') : undefined,
    resetValue: fields.has('resetValue') ? fields.hex('resetValue') : initial,
    read: fields.has('read') ? fields.choice('read', NARROW_READS) : read,
    write: fields.has('write') ? fields.choice('write', NARROW_WRITES) : write,
    observed: fields.has('observed') ? fields.hexList('observed') : [],
  }
}

function bytesOf(fields: ProfileFields, sizeBytes: number): ProfiledBytes {
  const offset = Number(fields.hex('offset'))
  const name = fields.has('hex') ? 'hex' : fields.has('fill') ? 'fill' : 'value'
  const pattern =
    name === 'value' ? Uint8Array.of(fields.raw('value') === 'ones' ? 0xff : 0) : fields.bytes(name)
  const end = fields.has('to') ? Number(fields.hex('to')) : offset + pattern.length
  return { offset, end: Math.min(end, sizeBytes), pattern }
}
