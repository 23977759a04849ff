/** The administrator's side of a simulated host: binding, and physical config space. */
import { Bdf } from '@vfiokit/topology'
import { type HostOperator, VfioError } from '@vfiokit/vfio-core'
import { type PciBus, VFIO_PCI } from '@vfiokit/vfio-pci'

/** Attributes that can be read, each with where it comes from. */
const ATTRIBUTES: Readonly<Record<string, (bus: PciBus, bdf: Bdf) => string | undefined>> = {
  driver: (bus, bdf) => bus.driver(bdf),
  reset_method: (bus, bdf) => bus.machine.hardware(bdf)?.resetMethods.join(' '),
  power_state: (bus, bdf) => bus.machine.hardware(bdf)?.powerState,
  iommu_group: (bus, bdf) => bus.topology.function(bdf)?.iommuGroup?.toString(),
}

/** What sysfs offers, as far as this model goes. */
export class PciOperator implements HostOperator {
  constructor(readonly bus: PciBus) {}

  bind(device: string, driver: string): void {
    if (driver !== VFIO_PCI) throw new VfioError('ENODEV', 'unsupported', `there is no driver ${driver} here`)
    this.bus.bind(bdfOf(device))
  }

  unbind(device: string): void {
    this.bus.unbind(bdfOf(device))
  }

  readConfig(device: string, offset: number, lengthBytes: number): Uint8Array {
    const hardware = this.#hardware(device)
    const bytes = Math.max(0, Math.min(lengthBytes, hardware.configSizeBytes - offset))
    return Uint8Array.from({ length: bytes }, (_, at) => hardware.readConfig(offset + at, 1))
  }

  writeConfig(device: string, offset: number, data: Uint8Array): void {
    const hardware = this.#hardware(device)
    if (offset + data.length > hardware.configSizeBytes)
      throw new VfioError('EINVAL', 'bad-offset', `${data.length} bytes at ${offset} of ${device}`)
    for (const [at, byte] of data.entries()) hardware.writeConfig(offset + at, 1, byte)
  }

  readAttribute(device: string, name: string): string {
    const value = ATTRIBUTES[name]?.(this.bus, bdfOf(device))
    if (value === undefined)
      throw new VfioError('ENOENT', 'unsupported', `${device} has no attribute ${name}`)
    return value
  }

  writeAttribute(device: string, name: string, value: string): void {
    if (name !== 'reset_method') throw new VfioError('EACCES', 'read-only', `${name} of ${device}`)
    try {
      this.#hardware(device).setResetMethods(value)
    } catch (cause) {
      throw new VfioError('EINVAL', 'unsupported', (cause as Error).message)
    }
  }

  #hardware(device: string): NonNullable<ReturnType<PciBus['machine']['hardware']>> {
    const hardware = this.bus.machine.hardware(bdfOf(device))
    if (hardware === undefined) throw new VfioError('ENODEV', 'no-device', `${device} is not in the machine`)
    return hardware
  }
}

function bdfOf(device: string): Bdf {
  const bdf = Bdf.tryParse(device)
  if (bdf === undefined) throw new VfioError('ENODEV', 'bad-name', `${device} is no PCI address`)
  return bdf
}
