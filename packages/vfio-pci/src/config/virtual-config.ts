/**
 * The configuration space that a user sees: a copy for the virtual bits, the hardware for the others.
 *
 *   the header, some capabilities   bit by bit, as their tables say
 *   other capabilities              the hardware's, but for their place in the list
 *   what nobody owns                the hardware's: devices hide registers there
 *
 * Kernel: `vconfig` of a vfio_pci_core_device, `vfio_{default,direct,raw,virt}_config_{read,write}`.
 */
import type { ConfigWidth, PciHardware } from '@vfiokit/hardware'
import { findCapability } from '@vfiokit/topology'
import { type Claim, type ClaimedSpace, claimCapabilities } from './capability-claims.ts'
import { CapabilityTable } from './capability-handler.ts'
import type { ConfigKernel } from './capability-permissions.ts'
import { ConfigMap, OWNER, STANDARD_BYTES } from './config-map.ts'
import { PermissionBits } from './permission-bits.ts'
import { COMMAND, HEADER, HEADER_PERMISSIONS } from './register-permissions.ts'

/** A capability that owns some bytes. */
export interface ClaimedCapability {
  readonly id: number
  readonly extended: boolean
  /** Where it begins in configuration space. */
  readonly start: number
}

/** How the bytes of one kind of capability are accessed. */
interface Access {
  /** Absent: read from the hardware but for the place in the list. */
  readonly bits: PermissionBits | undefined
  readonly rawWrites: boolean
}

/** Of a capability that is only a placeholder. */
const READ_ONLY: Access = { bits: undefined, rawWrites: false }

/** One open device's view. Made at first open, dropped at last close. */
export class VirtualConfig implements ClaimedSpace {
  readonly sizeBytes: number
  /** The virtual copy. */
  readonly bytes: Uint8Array
  readonly #map: ConfigMap
  /** By owner, standard and extended ones apart. The first of an id says how all of that id are accessed. */
  readonly #standard = new Map<number, Access>()
  readonly #extended = new Map<number, Access>()
  /** What a variant driver shows in place of registers, byte by byte. */
  readonly #shown = new Map<number, number>()

  constructor(
    readonly hardware: PciHardware,
    readonly kernel: ConfigKernel,
    readonly table: CapabilityTable = new CapabilityTable(hardware.identity, [], () => {}),
  ) {
    this.sizeBytes = hardware.configSizeBytes
    this.bytes = Uint8Array.from({ length: this.sizeBytes }, (_, at) => hardware.readConfig(at, 1))
    this.#map = new ConfigMap(this.sizeBytes)
    this.#standard.set(OWNER.HEADER, { bits: new PermissionBits(HEADER_PERMISSIONS), rawWrites: false })
    this.#identify()
    claimCapabilities(this)
  }

  /** How many bytes from `offset` one access can take: up to the dword's end, one owner, aligned. */
  accessBytes(offset: number, wanted: number): ConfigWidth {
    return this.#map.accessBytes(offset, wanted)
  }

  isHeader(offset: number): boolean {
    return offset < STANDARD_BYTES && this.#map.ownerAt(offset) === OWNER.HEADER
  }

  /** The capability that a byte belongs to; undefined for the header and for what nobody claims. */
  claimedBy(offset: number): ClaimedCapability | undefined {
    const id = this.#map.ownerAt(offset)
    if (id === OWNER.NOBODY || id === OWNER.VIRTUAL || this.isHeader(offset)) return undefined
    return { id, extended: offset >= STANDARD_BYTES, start: this.#map.startOf(offset) }
  }

  /** What a user reads. */
  read(offset: number, widthBytes: ConfigWidth): number {
    const value = this.#readOwned(offset, widthBytes)
    return this.#shown.size === 0 ? value : this.#showInstead(value, offset, widthBytes)
  }

  #readOwned(offset: number, widthBytes: ConfigWidth): number {
    const owner = this.#map.ownerAt(offset)
    if (owner === OWNER.NOBODY) return this.hardware.readConfig(offset, widthBytes)
    if (owner === OWNER.VIRTUAL) return this.copy(offset, widthBytes)
    const start = this.#map.startOf(offset)
    const { bits } = this.#accessOf(owner, offset)
    if (bits === undefined) return this.#readDirect(offset, offset - start, widthBytes)
    const virtual = bits.virtual(offset - start, widthBytes)
    const copy = this.copy(offset, widthBytes)
    // Registers whose every bit is virtual are not read from hardware at all.
    if (virtual === allOnes(widthBytes)) return copy
    return ((this.hardware.readConfig(offset, widthBytes) & ~virtual) | (copy & virtual)) >>> 0
  }

  /** What becomes of a user's write: dropped, copied, passed on, or merged into the hardware's register. */
  write(offset: number, widthBytes: ConfigWidth, value: number): void {
    const owner = this.#map.ownerAt(offset)
    if (owner === OWNER.NOBODY) return this.hardware.writeConfig(offset, widthBytes, value)
    if (owner === OWNER.VIRTUAL) return this.setCopy(offset, widthBytes, value)
    const { bits, rawWrites } = this.#accessOf(owner, offset)
    if (bits !== undefined) this.#writeBits(bits, offset, widthBytes, value)
    else if (rawWrites) this.hardware.writeConfig(offset, widthBytes, value)
  }

  /** The virtual copy of a register. */
  copy(offset: number, widthBytes: ConfigWidth): number {
    let value = 0
    for (let at = widthBytes - 1; at >= 0; at--) value = value * 256 + this.bytes[offset + at]!
    return value
  }

  /** Changes the virtual copy alone. */
  setCopy(offset: number, widthBytes: ConfigWidth, value: number): void {
    for (let at = 0; at < widthBytes; at++) this.bytes[offset + at] = (value >>> (8 * at)) & 0xff
  }

  /** Makes registers of the copy what both reads and writes go to, whatever the hardware has there. */
  keepVirtual(offset: number, data: Uint8Array): void {
    this.#requireInside(offset, data)
    this.bytes.set(data, offset)
    this.#map.claim(offset, data.length, OWNER.VIRTUAL)
  }

  /** Makes bytes read as these, whatever is written there. @throws RangeError outside configuration space. */
  show(offset: number, data: Uint8Array): void {
    this.#requireInside(offset, data)
    for (const [at, byte] of data.entries()) this.#shown.set(offset + at, byte)
  }

  /** Takes a capability into the map. @see claimCapabilities */
  claim({ id, start, lengthBytes, extended, permissions, read }: Claim): void {
    this.#map.claim(start, lengthBytes, id)
    const table = permissions?.registers
    const registers = typeof table === 'function' ? table(read, this.kernel) : table
    for (const { offset, widthBytes, absent = 0 } of registers ?? [])
      for (let at = 0; at < widthBytes; at++)
        this.bytes[start + offset + at]! &= ~((absent >>> (8 * at)) & 0xff)
    const accesses = extended ? this.#extended : this.#standard
    if (permissions === undefined || accesses.has(id & 0xff)) return
    accesses.set(id & 0xff, {
      bits: registers && new PermissionBits(registers),
      rawWrites: permissions.rawWrites === true,
    })
  }

  #showInstead(value: number, offset: number, widthBytes: ConfigWidth): number {
    let shown = value
    for (let at = 0; at < widthBytes; at++) {
      const byte = this.#shown.get(offset + at)
      if (byte !== undefined) shown = (shown & ~(0xff << (8 * at))) | (byte << (8 * at))
    }
    return shown >>> 0
  }

  #requireInside(offset: number, { length }: Uint8Array): void {
    if (!Number.isInteger(offset) || offset < 0 || offset + length > this.sizeBytes)
      throw new RangeError(`${length} bytes at ${offset} leave configuration space of ${this.sizeBytes}`)
  }

  #accessOf(owner: number, offset: number): Access {
    return (offset < STANDARD_BYTES ? this.#standard : this.#extended).get(owner) ?? READ_ONLY
  }

  /**
   * From the hardware, but for what holds the list together: next of a standard one (its id too, if both
   * are read at once), the whole header of an extended one.
   */
  #readDirect(offset: number, inside: number, widthBytes: ConfigWidth): number {
    const found = this.hardware.readConfig(offset, widthBytes)
    if (offset >= STANDARD_BYTES) return inside < 4 ? this.copy(offset, widthBytes) : found
    if (inside === 1) return this.copy(offset, 1)
    if (inside !== 0 || widthBytes === 1) return found
    return ((found & ~0xffff) | this.copy(offset, 2)) >>> 0
  }

  /**
   * Bits that the user may not write are written back as they were found, so status bits that writing
   * 1 clears are cleared by any write of the same access, as in the kernel.
   */
  #writeBits(bits: PermissionBits, offset: number, widthBytes: ConfigWidth, value: number): void {
    const inside = offset - this.#map.startOf(offset)
    const writable = bits.writable(inside, widthBytes)
    if (writable === 0) return
    const virtual = bits.virtual(inside, widthBytes)
    const toCopy = virtual & writable
    const copy = this.copy(offset, widthBytes)
    this.setCopy(offset, widthBytes, (copy & ~toCopy) | (value & toCopy))
    const toHardware = writable & ~virtual
    if (toHardware === 0) return
    const found = this.hardware.readConfig(offset, widthBytes)
    this.hardware.writeConfig(offset, widthBytes, ((found & ~toHardware) | (value & toHardware)) >>> 0)
  }

  /** A virtual function's registers have neither ids nor memory enable; users see what the host knows. */
  #identify(): void {
    const { identity } = this.hardware
    if (identity.physfn === undefined) return
    this.setCopy(0, 2, identity.vendorId)
    this.setCopy(2, 2, identity.deviceId)
    this.bytes[HEADER.INTERRUPT_PIN] = 0
    this.bytes[HEADER.COMMAND]! |= COMMAND.MEMORY
  }
}

/** Where a standard capability begins, or undefined. */
export function capabilityOffset(hardware: PciHardware, id: number): number | undefined {
  const found = findCapability(hardware.identity, id)
  return found === undefined || found === 'unknown' ? undefined : found.offset
}

function allOnes(widthBytes: ConfigWidth): number {
  return 2 ** (8 * widthBytes) - 1
}
