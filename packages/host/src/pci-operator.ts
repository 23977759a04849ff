/** The administrator's side of a simulated host: binding, and physical config space. */
import type { PciHardware } from '@vfiokit/hardware'
import type { Awaitable } from '@vfiokit/locking'
import { Bdf } from '@vfiokit/topology'
import { type HostOperator, VfioError } from '@vfiokit/vfio-core'
import { type PciBus, VFIO_PCI } from '@vfiokit/vfio-pci'
import { isLink, type SysfsAttribute, type SysfsFunction } from './sysfs/attribute.ts'
import { linkText } from './sysfs/device-path.ts'
import { DRIVER_ATTRIBUTES, driverDirectory } from './sysfs/driver-attributes.ts'
import { IDENTITY_ATTRIBUTES, virtualFunctionLink } from './sysfs/identity-attributes.ts'
import { POWER_ATTRIBUTES } from './sysfs/power-attributes.ts'
import { RESET_ATTRIBUTES } from './sysfs/reset-attributes.ts'
import { SRIOV_ATTRIBUTES } from './sysfs/sriov-attributes.ts'

/** Takes whatever it is told to. */
const PCI_STUB = 'pci-stub'

/** Attributes of sysfs by name. What is not here is as the source of the topology recorded it. */
const ATTRIBUTES: Readonly<Record<string, SysfsAttribute>> = {
  ...IDENTITY_ATTRIBUTES,
  ...DRIVER_ATTRIBUTES,
  ...POWER_ATTRIBUTES,
  ...RESET_ATTRIBUTES,
  ...SRIOV_ATTRIBUTES,
}

/** What sysfs offers, as far as this model goes. */
export class PciOperator implements HostOperator {
  constructor(readonly bus: PciBus) {}

  /**
   * Binds a function to a driver, whichever it would get by itself.
   *
   * @throws VfioError ENODEV for a driver that is neither vfio-pci nor pci-stub nor had the function at first,
   *   and as `PciBus.bind`.
   */
  bind(device: string, driver: string): void {
    const bdf = bdfOf(device)
    if (driver === VFIO_PCI) this.bus.bind(bdf)
    else this.#bindForeign(bdf, driver)
  }

  /** Waits for the users of an open function. @throws VfioError as `PciBus.unbind`. */
  unbind(device: string): Awaitable<void> {
    return this.bus.unbind(bdfOf(device))
  }

  /**
   * As reading the `config` file of sysfs: what lies behind the end is not read.
   *
   * @throws VfioError EINVAL for an offset or length that is none.
   */
  readConfig(device: string, offset: number, lengthBytes: number): Uint8Array {
    const hardware = this.#hardware(device)
    refuseUnlessCount(offset, 'offset')
    refuseUnlessCount(lengthBytes, 'length')
    const bytes = Math.max(0, Math.min(lengthBytes, hardware.configSizeBytes - offset))
    const read = Uint8Array.from({ length: bytes }, (_, at) => hardware.readConfig(offset + at, 1))
    this.bus.settle()
    return read
  }

  /** @throws VfioError EINVAL when not every byte lies in config space; then nothing is written. */
  writeConfig(device: string, offset: number, data: Uint8Array): void {
    const hardware = this.#hardware(device)
    refuseUnlessCount(offset, 'offset')
    if (offset + data.length > hardware.configSizeBytes)
      throw new VfioError('EINVAL', 'bad-offset', `${data.length} bytes at ${offset} of ${device}`)
    for (const [at, byte] of data.entries()) hardware.writeConfig(offset + at, 1, byte)
  }

  /**
   * The text of an attribute; of a link, the name of what it leads to.
   *
   * @throws VfioError ENOENT for an attribute that the function does not have, EACCES for one that can only
   *   be written.
   */
  readAttribute(device: string, name: string): string {
    const fn = this.#function(device)
    const attribute = this.#attribute(fn, name)
    if (!isLink(attribute) && attribute.read === undefined)
      throw new VfioError('EACCES', 'write-only', `${name} of ${device}`)
    const value = isLink(attribute) ? attribute.link(fn)?.replace(/^.*\//, '') : attribute.read?.(fn)
    this.bus.settle()
    if (value === undefined) throw noAttribute(device, name)
    return value
  }

  /** @throws VfioError ENOENT for a link that the function does not have, EINVAL for what is no link. */
  readLink(device: string, name: string): string {
    const fn = this.#function(device)
    const attribute = this.#attribute(fn, name)
    if (!isLink(attribute)) throw new VfioError('EINVAL', 'unsupported', `${name} of ${device} is no link`)
    const target = attribute.link(fn)
    this.bus.settle()
    if (target === undefined) throw noAttribute(device, name)
    return linkText(this.bus.topology, fn.identity, target)
  }

  /**
   * Answers with a promise while somebody else holds the function's lock.
   *
   * @throws VfioError ENOENT for an unknown attribute, EACCES for a read-only one, EINVAL for a bad value,
   *   and what the attribute refuses by itself.
   */
  writeAttribute(device: string, name: string, value: string): Awaitable<void> {
    const fn = this.#function(device)
    const attribute = this.#attribute(fn, name)
    if (isLink(attribute) || attribute.write === undefined)
      throw new VfioError('EACCES', 'read-only', `${name} of ${device}`)
    if (attribute.read !== undefined && attribute.read(fn) === undefined) throw noAttribute(device, name)
    try {
      return attribute.write(fn, value)
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause
      throw new VfioError('EINVAL', 'unsupported', cause.message)
    }
  }

  #bindForeign(bdf: Bdf, driver: string): void {
    const { bus } = this
    const override = bus.driverOverride(bdf)
    if (driver === PCI_STUB) bus.overrideDriver(bdf, driver)
    try {
      bus.bindDriver(bdf, driver)
    } finally {
      if (driver === PCI_STUB) bus.overrideDriver(bdf, override ?? '')
    }
  }

  #attribute(fn: SysfsFunction, name: string): SysfsAttribute {
    const known = Object.hasOwn(ATTRIBUTES, name) ? ATTRIBUTES[name] : undefined
    const attribute = known ?? virtualFunctionLink(name) ?? driverDirectory(name)
    if (attribute !== undefined) return attribute
    const { attributes } = fn.identity
    if (!Object.hasOwn(attributes, name)) throw noAttribute(fn.identity.bdf, name)
    return { read: () => attributes[name] }
  }

  #function(device: string): SysfsFunction {
    const hardware = this.#hardware(device)
    return { bus: this.bus, hardware, identity: hardware.identity }
  }

  #hardware(device: string): PciHardware {
    const hardware = this.bus.machine.hardware(bdfOf(device))
    if (hardware === undefined) throw new VfioError('ENODEV', 'no-device', `${device} is not in the machine`)
    return hardware
  }
}

function noAttribute(device: string, name: string): VfioError {
  return new VfioError('ENOENT', 'unsupported', `${device} has no attribute ${name}`)
}

function refuseUnlessCount(value: number, what: string): void {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new VfioError('EINVAL', 'bad-offset', `${what} ${value}`)
}

function bdfOf(device: string): Bdf {
  const bdf = Bdf.tryParse(device)
  if (bdf === undefined) throw new VfioError('ENODEV', 'bad-name', `${device} is no PCI address`)
  return bdf
}
