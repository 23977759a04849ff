/**
 * The configuration space that a user sees: a copy for the virtual bits, the hardware for the others.
 *
 * Kernel: `vconfig` and `pci_config_map` of a vfio_pci_core_device, `vfio_default_config_read/write`.
 */
import type { ConfigWidth, PciHardware } from '@vfiokit/hardware'
import { type Capability, findCapability } from '@vfiokit/topology'
import { CAPABILITY_PERMISSIONS, type ReadRegister } from './capability-permissions.ts'
import { HEADER, HEADER_PERMISSIONS, type RegisterPermission, STATUS } from './register-permissions.ts'

/** A capability that owns some bytes. */
export interface ClaimedCapability {
  readonly id: number
  /** Where it begins in configuration space. */
  readonly start: number
}

/** Owners in the map of bytes: the header, then claimed capabilities from 1 on; at the end what is none. */
const OWNER_HEADER = 0
const OWNER_NOBODY = 0xff
/** Extended capabilities are read from hardware; nothing of them can be written. */
const OWNER_EXTENDED = 0xfe
const HEADER_BYTES = 0x40
const STANDARD_BYTES = 0x100

/** One open device's view. Made at first open, dropped at last close. */
export class VirtualConfig {
  readonly sizeBytes: number
  /** The virtual copy. */
  readonly bytes: Uint8Array
  readonly #virtual: Uint8Array
  readonly #writable: Uint8Array
  /** Which capability a byte belongs to: one access never spans two. */
  readonly #owner: Uint8Array
  readonly #claims: ClaimedCapability[] = []
  readonly #hardware: PciHardware

  constructor(hardware: PciHardware) {
    this.#hardware = hardware
    this.sizeBytes = hardware.configSizeBytes
    this.bytes = Uint8Array.from({ length: this.sizeBytes }, (_, at) => hardware.readConfig(at, 1))
    this.#virtual = new Uint8Array(this.sizeBytes)
    this.#writable = new Uint8Array(this.sizeBytes).fill(0xff, HEADER_BYTES, STANDARD_BYTES)
    this.#owner = new Uint8Array(this.sizeBytes).fill(OWNER_NOBODY)
    this.#owner.fill(OWNER_EXTENDED, STANDARD_BYTES)
    this.#claim(0, HEADER_BYTES, OWNER_HEADER, HEADER_PERMISSIONS)
    this.#identify(hardware)
    if ((this.copy(HEADER.STATUS, 2) & STATUS.CAPABILITY_LIST) !== 0)
      this.#claimCapabilities(standardCapabilities(hardware))
  }

  /** How many bytes from `offset` one access can take: up to the dword's end, one owner, aligned. */
  accessBytes(offset: number, wanted: number): ConfigWidth {
    const owner = this.#owner[offset]
    let run = 1
    while (run < wanted && (offset + run) % 4 !== 0 && this.#owner[offset + run] === owner) run++
    if (run >= 4 && offset % 4 === 0) return 4
    return run >= 2 && offset % 2 === 0 ? 2 : 1
  }

  /** The capability that a byte belongs to; undefined for the header and for what nobody claims. */
  claimedBy(offset: number): ClaimedCapability | undefined {
    return this.#claims[this.#owner[offset]! - 1]
  }

  /** What a user reads. */
  read(offset: number, widthBytes: ConfigWidth): number {
    const virtual = littleEndian(this.#virtual, offset, widthBytes)
    const copy = littleEndian(this.bytes, offset, widthBytes)
    // Registers whose every bit is virtual are not read from hardware at all.
    if (virtual === allOnes(widthBytes)) return copy
    return ((this.#hardware.readConfig(offset, widthBytes) & ~virtual) | (copy & virtual)) >>> 0
  }

  /**
   * What becomes of a user's write: dropped, copied, or merged into the hardware's register.
   *
   * Bits that the user may not write are written back as they were found, so status bits that writing
   * 1 clears are cleared by any write of the same access, as in the kernel.
   */
  write(offset: number, widthBytes: ConfigWidth, value: number): void {
    const writable = littleEndian(this.#writable, offset, widthBytes)
    if (writable === 0) return
    const virtual = littleEndian(this.#virtual, offset, widthBytes)
    const toCopy = virtual & writable
    const copy = littleEndian(this.bytes, offset, widthBytes)
    this.setCopy(offset, widthBytes, (copy & ~toCopy) | (value & toCopy))
    const toHardware = writable & ~virtual
    if (toHardware === 0) return
    const found = this.#hardware.readConfig(offset, widthBytes)
    this.#hardware.writeConfig(offset, widthBytes, ((found & ~toHardware) | (value & toHardware)) >>> 0)
  }

  /** The virtual copy of a register. */
  copy(offset: number, widthBytes: ConfigWidth): number {
    return littleEndian(this.bytes, offset, widthBytes)
  }

  /** Changes the virtual copy alone. */
  setCopy(offset: number, widthBytes: ConfigWidth, value: number): void {
    for (let at = 0; at < widthBytes; at++) this.bytes[offset + at] = (value >>> (8 * at)) & 0xff
  }

  #claim(start: number, lengthBytes: number, owner: number, registers: readonly RegisterPermission[]): void {
    const end = Math.min(start + lengthBytes, STANDARD_BYTES)
    this.#owner.fill(owner, start, end)
    // Two capabilities that overlap: the later one in the list has the bytes, whole.
    this.#writable.fill(0, start, end)
    this.#virtual.fill(0, start, end)
    for (const { offset, widthBytes, virtual, writable, absent = 0 } of registers)
      for (let at = 0; at < widthBytes && start + offset + at < end; at++) {
        const place = start + offset + at
        this.#virtual[place] = (virtual >>> (8 * at)) & 0xff
        this.#writable[place] = (writable >>> (8 * at)) & 0xff
        this.bytes[place]! &= ~(absent >>> (8 * at)) & 0xff
      }
  }

  /** The registers of a virtual function read ffff; users see what the host knows it to be. */
  #identify({ identity }: PciHardware): void {
    this.setCopy(0, 2, identity.vendorId)
    this.setCopy(2, 2, identity.deviceId)
    if (identity.physfn !== undefined) this.bytes[HEADER.INTERRUPT_PIN] = 0
  }

  /** Claims what is shown, and makes each pointer skip what is hidden. Kernel: `vfio_cap_init`. */
  #claimCapabilities(capabilities: readonly Capability[]): void {
    let pointer: number = HEADER.CAPABILITIES
    for (const { id, offset } of capabilities) {
      const shown = CAPABILITY_PERMISSIONS.get(id)
      if (shown === undefined) continue
      this.bytes[pointer] = offset
      pointer = offset + 1
      const read: ReadRegister = (register, widthBytes) =>
        // A list that breaks off leaves registers behind the end of the space.
        offset + register + widthBytes > STANDARD_BYTES ? 0 : this.copy(offset + register, widthBytes)
      const { lengthBytes, registers } = shown
      this.#claims.push({ id, start: offset })
      this.#claim(
        offset,
        typeof lengthBytes === 'number' ? lengthBytes : lengthBytes(read),
        this.#claims.length,
        typeof registers === 'function' ? registers(read) : registers,
      )
    }
    this.bytes[pointer] = 0
    if (pointer === HEADER.CAPABILITIES) this.bytes[HEADER.STATUS]! &= ~STATUS.CAPABILITY_LIST
  }
}

/** Standard capabilities in list order. */
function standardCapabilities(hardware: PciHardware): Capability[] {
  return hardware.identity.capabilities.filter(({ extended }) => !extended)
}

/** Where a standard capability begins, or undefined. */
export function capabilityOffset(hardware: PciHardware, id: number): number | undefined {
  const found = findCapability(hardware.identity, id)
  return found === undefined || found === 'unknown' ? undefined : found.offset
}

function littleEndian(bytes: Uint8Array, offset: number, widthBytes: ConfigWidth): number {
  let value = 0
  for (let at = widthBytes - 1; at >= 0; at--) value = value * 256 + bytes[offset + at]!
  return value
}

function allOnes(widthBytes: ConfigWidth): number {
  return 2 ** (8 * widthBytes) - 1
}
