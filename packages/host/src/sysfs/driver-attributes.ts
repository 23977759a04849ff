/**
 * Attributes about drivers: which one has a function, which one is wanted, and giving it to one.
 *
 * The bus's own files are reached through the links, as a shell would: `driver/unbind`,
 * `subsystem/drivers_probe`, `subsystem/drivers/vfio-pci/bind`.
 */
import type { Awaitable } from '@vfiokit/locking'
import { Bdf } from '@vfiokit/topology'
import { VfioError } from '@vfiokit/vfio-core'
import type { PciBus } from '@vfiokit/vfio-pci'
import type { SysfsAttribute, SysfsFunction } from './attribute.ts'

/** By name. */
export const DRIVER_ATTRIBUTES: Readonly<Record<string, SysfsAttribute>> = {
  driver: {
    link({ bus, identity }) {
      const driver = bus.driver(identity.bdf)
      return driver === undefined ? undefined : `bus/pci/drivers/${driver}`
    },
  },
  driver_override: {
    read: ({ bus, identity }) => bus.driverOverride(identity.bdf) ?? '(null)',
    write: ({ bus, identity }, value) => bus.overrideDriver(identity.bdf, value.trim()),
  },
  'driver/unbind': { write: (fn, value) => unbindFrom(fn, driverOf(fn), value) },
  'driver/bind': { write: (fn, value) => bindTo(fn.bus, driverOf(fn), value) },
  'subsystem/drivers_probe': { write: ({ bus }, value) => bus.probe(named(bus, value)) },
}

/** `subsystem/drivers/<driver>/bind` and `unbind`. */
export function driverDirectory(name: string): SysfsAttribute | undefined {
  const [, driver, file] = /^subsystem\/drivers\/([^/]+)\/(bind|unbind)$/.exec(name) ?? []
  if (driver === undefined) return undefined
  return {
    write: (fn, value) => (file === 'bind' ? bindTo(fn.bus, driver, value) : unbindFrom(fn, driver, value)),
  }
}

function driverOf({ bus, identity }: SysfsFunction): string {
  const driver = bus.driver(identity.bdf)
  if (driver !== undefined) return driver
  throw new VfioError('ENOENT', 'no-device', `${identity.bdf} has no driver`)
}

/** Kernel: `bind_store`. */
function bindTo(bus: PciBus, driver: string, value: string): void {
  bus.bindDriver(named(bus, value), driver)
}

/** Kernel: `unbind_store`: the function must have that very driver. */
function unbindFrom({ bus }: SysfsFunction, driver: string, value: string): Awaitable<void> {
  const bdf = named(bus, value)
  if (bus.driver(bdf) !== driver) throw new VfioError('ENODEV', 'no-device', `${driver} does not have ${bdf}`)
  return bus.unbind(bdf)
}

/** The bus's files take the full address only. Kernel: `bus_find_device_by_name`. */
function named(bus: PciBus, value: string): Bdf {
  const name = value.trim()
  const bdf = Bdf.tryParse(name)
  if (bdf === name && bus.topology.function(bdf) !== undefined) return bdf
  throw new VfioError('ENODEV', 'no-device', `there is no function ${name}`)
}
