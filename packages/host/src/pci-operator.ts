/** The administrator's side of a simulated host: binding, and physical config space. */
import type { PciHardware } from '@vfiokit/hardware'
import { Bdf } from '@vfiokit/topology'
import { type HostOperator, VfioError } from '@vfiokit/vfio-core'
import { type PciBus, VFIO_PCI } from '@vfiokit/vfio-pci'

interface Attribute {
  /** Undefined: this function does not have it. */
  read(bus: PciBus, hardware: PciHardware): string | undefined
  /** Absent: read-only. @throws RangeError for a value that it does not take. */
  write?(hardware: PciHardware, value: string): void
}

/** Attributes of sysfs, each with where it comes from. */
const ATTRIBUTES: Readonly<Record<string, Attribute>> = {
  driver: { read: (bus, { bdf }) => bus.driver(bdf) },
  iommu_group: { read: (_bus, { identity }) => identity.iommuGroup?.toString() },
  power_state: { read: (_bus, { powerState }) => powerState },
  reset_method: {
    read: (_bus, { resetMethods }) => resetMethods.join(' '),
    write: (hardware, value) => hardware.setResetMethods(value),
  },
}

/** What sysfs offers, as far as this model goes. */
export class PciOperator implements HostOperator {
  constructor(readonly bus: PciBus) {}

  /** @throws VfioError ENODEV for another driver than vfio-pci, and as `PciBus.bind`. */
  bind(device: string, driver: string): void {
    if (driver !== VFIO_PCI) throw new VfioError('ENODEV', 'unsupported', `there is no driver ${driver} here`)
    this.bus.bind(bdfOf(device))
  }

  /** @throws VfioError as `PciBus.unbind`. */
  unbind(device: string): void {
    this.bus.unbind(bdfOf(device))
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
    return Uint8Array.from({ length: bytes }, (_, at) => hardware.readConfig(offset + at, 1))
  }

  /** @throws VfioError EINVAL when not every byte lies in config space; then nothing is written. */
  writeConfig(device: string, offset: number, data: Uint8Array): void {
    const hardware = this.#hardware(device)
    refuseUnlessCount(offset, 'offset')
    if (offset + data.length > hardware.configSizeBytes)
      throw new VfioError('EINVAL', 'bad-offset', `${data.length} bytes at ${offset} of ${device}`)
    for (const [at, byte] of data.entries()) hardware.writeConfig(offset + at, 1, byte)
  }

  /** @throws VfioError ENOENT for an attribute that the function does not have. */
  readAttribute(device: string, name: string): string {
    const value = this.#attribute(device, name).read(this.bus, this.#hardware(device))
    if (value === undefined) throw noAttribute(device, name)
    return value
  }

  /** @throws VfioError ENOENT for an unknown attribute, EACCES for a read-only one, EINVAL for a bad value. */
  writeAttribute(device: string, name: string, value: string): void {
    const { write } = this.#attribute(device, name)
    const hardware = this.#hardware(device)
    if (write === undefined) throw new VfioError('EACCES', 'read-only', `${name} of ${device}`)
    try {
      write(hardware, value)
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause
      throw new VfioError('EINVAL', 'unsupported', cause.message)
    }
  }

  #attribute(device: string, name: string): Attribute {
    const attribute = Object.hasOwn(ATTRIBUTES, name) ? ATTRIBUTES[name] : undefined
    if (attribute === undefined) throw noAttribute(device, name)
    return attribute
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
