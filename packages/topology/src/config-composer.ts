/**
 * ConfigComposer: writes a configuration space from a description, header and capability lists included. For
 * topologies written by hand and for tests; what a real machine said is never composed.
 */
import { BAR_LAYOUT, type Bar, FIRST_BAR_OFFSET } from './bar.ts'
import type { BusNumbers } from './bridge.ts'
import { type FieldValue, fieldNumber } from './capability-layout.ts'
import { capabilityLayout } from './capability-layouts.ts'
import { ConfigSpace } from './config-space.ts'
import { CLASS_CODE, HEADER_TYPE, STATUS, STATUS_CAPABILITY_LIST } from './header-registers.ts'
import type { SubsystemIds } from './pci-function.ts'

export interface ComposedIdentity {
  readonly vendorId: number
  readonly deviceId: number
  readonly classCode?: number
  readonly revision?: number
  readonly subsystem?: SubsystemIds | undefined
  readonly headerType?: 0 | 1 | 2
  readonly multifunction?: boolean
}

export interface ComposedCapability {
  readonly id: number
  readonly extended?: boolean
  /** Where it is; after the one before when left out. */
  readonly offset?: number | undefined
  /** Of an extended capability's header; 1 when left out. */
  readonly version?: number | undefined
  /** Bytes after the header (2 bytes of a standard, 4 of an extended capability). */
  readonly data?: Uint8Array | undefined
  /** Values by field name, for a capability whose layout is known; written over `data`. */
  readonly fields?: Readonly<Record<string, FieldValue>> | undefined
}

const FIRST_CAPABILITY = 0x40
const FIRST_EXTENDED = 0x100

/**
 * @example
 * import { ConfigComposer } from '@vfiokit/topology'
 * const config = new ConfigComposer(256, { vendorId: 0x1b36, deviceId: 0x10 })
 *   .capability({ id: 0x01, fields: { noSoftReset: true } })
 *   .compose()
 * console.log(config.read16(0), config.read8(0x34)) // => 6966 64
 */
export class ConfigComposer {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #headerType: 0 | 1 | 2
  /** Where the next capability's offset goes, and where the next one may be. */
  #link: number
  #free: number = FIRST_CAPABILITY
  #extendedLink: number | undefined
  #extendedFree: number = FIRST_EXTENDED

  /** @throws RangeError for an id that does not fit its register. */
  constructor(sizeBytes: 64 | 256 | 4096, identity: ComposedIdentity) {
    this.#bytes = new Uint8Array(sizeBytes)
    this.#view = new DataView(this.#bytes.buffer)
    this.#headerType = identity.headerType ?? 0
    this.#link = this.#headerType === 2 ? 0x14 : 0x34
    this.write(0x00, 2, identity.vendorId)
    this.write(0x02, 2, identity.deviceId)
    this.write(0x08, 1, identity.revision ?? 0)
    const classCode = identity.classCode ?? 0
    this.write(CLASS_CODE, 1, classCode & 0xff).write(CLASS_CODE + 1, 2, Math.floor(classCode / 256))
    this.write(HEADER_TYPE, 1, this.#headerType | (identity.multifunction === true ? 0x80 : 0))
    if (identity.subsystem !== undefined && this.#headerType === 0) {
      this.write(0x2c, 2, identity.subsystem.vendorId).write(0x2e, 2, identity.subsystem.deviceId)
    }
  }

  /** Little endian. @throws RangeError when the value or the place does not fit. */
  write(offset: number, widthBytes: 1 | 2 | 4, value: number): this {
    if (!Number.isInteger(value) || value < 0 || value >= 256 ** widthBytes) {
      throw new RangeError(`${value} does not fit ${widthBytes} bytes at ${offset}`)
    }
    if (widthBytes === 1) this.#view.setUint8(offset, value)
    else if (widthBytes === 2) this.#view.setUint16(offset, value, true)
    else this.#view.setUint32(offset, value, true)
    return this
  }

  busNumbers(numbers: BusNumbers): this {
    return this.write(0x18, 1, numbers.primary)
      .write(0x19, 1, numbers.secondary)
      .write(0x1a, 1, numbers.subordinate)
  }

  /** Writes the register of a BAR (and the next for 64 bits). @throws RangeError for one the header lacks. */
  bar(
    bar: Pick<Bar, 'index' | 'kind' | 'width' | 'prefetchable' | 'address' | 'romEnabled' | 'below1M'>,
  ): this {
    const { count, rom } = BAR_LAYOUT[this.#headerType]!
    const index = bar.index
    const last = index === 'rom' ? 0 : index + (bar.width === 64 ? 1 : 0)
    if (index === 'rom' ? rom === undefined : last >= count) {
      throw new RangeError(`a header of type ${this.#headerType} has no place for BAR ${index}`)
    }
    const low = Number(bar.address & 0xffffffffn)
    if (index === 'rom') return this.write(rom!, 4, (low | (bar.romEnabled === true ? 1 : 0)) >>> 0)
    const type = bar.width === 64 ? 4 : bar.below1M === true ? 2 : 0
    const bits = bar.kind === 'io' ? 1 : type | (bar.prefetchable ? 8 : 0)
    const offset = FIRST_BAR_OFFSET + 4 * index
    this.write(offset, 4, (low | bits) >>> 0)
    return bar.width === 64 ? this.write(offset + 4, 4, Number(bar.address >> 32n)) : this
  }

  /** Appends to its list. @throws RangeError when it does not fit, or a field is unknown or too small. */
  capability(capability: ComposedCapability): this {
    const extended = capability.extended === true
    const header = extended ? 4 : 2
    const layout = capabilityLayout(capability.id, extended)
    const sizeBytes = Math.max(layout?.sizeBytes ?? header, header + (capability.data?.length ?? 0))
    const offset = capability.offset ?? (extended ? this.#extendedFree : this.#free)
    const end = offset + sizeBytes
    const space = extended ? 4096 : 256
    if (end > Math.min(space, this.#bytes.length) || offset % 4 !== 0 || offset < (extended ? 0x100 : 0x40)) {
      throw new RangeError(`capability ${capability.id} does not fit at ${offset}`)
    }
    if (extended) this.#linkExtended(capability, offset)
    else this.#linkStandard(capability.id, offset)
    this.#bytes.set(capability.data ?? [], offset + header)
    for (const [name, value] of Object.entries(capability.fields ?? {})) {
      this.#field(capability, offset, name, value)
    }
    const next = Math.ceil(end / 4) * 4
    if (extended) this.#extendedFree = next
    else this.#free = next
    return this
  }

  compose(): ConfigSpace {
    return new ConfigSpace(this.#bytes)
  }

  #linkStandard(id: number, offset: number): void {
    this.write(this.#link, 1, offset).write(offset, 1, id)
    this.#link = offset + 1
    this.write(STATUS, 2, this.#view.getUint16(STATUS, true) | STATUS_CAPABILITY_LIST)
  }

  #linkExtended(capability: ComposedCapability, offset: number): void {
    if (this.#extendedLink === undefined && offset !== FIRST_EXTENDED) {
      throw new RangeError(`the first extended capability is at ${FIRST_EXTENDED}, not ${offset}`)
    }
    if (this.#extendedLink !== undefined) {
      const before = this.#view.getUint16(this.#extendedLink + 2, true)
      this.write(this.#extendedLink + 2, 2, (before & 0xf) | (offset << 4))
    }
    this.write(offset, 2, capability.id).write(offset + 2, 2, capability.version ?? 1)
    this.#extendedLink = offset
  }

  #field(capability: ComposedCapability, offset: number, name: string, value: FieldValue): void {
    const layout = capabilityLayout(capability.id, capability.extended === true)
    const field = layout?.fields.find((candidate) => candidate.name === name)
    const number = field === undefined ? undefined : fieldNumber(field, value)
    if (field === undefined || number === undefined) {
      const problem = field === undefined ? 'has no field' : 'cannot hold that value in'
      throw new RangeError(`capability ${capability.id} ${problem} '${name}'`)
    }
    const at = offset + field.offset
    const shift = 2 ** field.low
    const span = 2 ** field.bits
    const before = [...this.#bytes.subarray(at, at + field.widthBytes)].reduceRight(
      (sum, byte) => sum * 256 + byte,
      0,
    )
    const old = Math.floor(before / shift) % span
    this.write(at, field.widthBytes, before + (number - old) * shift)
  }
}
