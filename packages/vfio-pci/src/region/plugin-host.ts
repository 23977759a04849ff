/** The device as plugins are given it, on top of what is there while it is open. */
import type { PciHardware, PciMachine } from '@vfiokit/hardware'
import { type BarIndex, Bdf } from '@vfiokit/topology'
import { readRegister } from '../config/config-access.ts'
import type { OpenPciDevice } from '../open-pci-device.ts'
import type { PciBus } from '../pci-bus.ts'
import { PluginCalls } from '../plugin-calls.ts'
import type { OtherFunction, OwnConfig, RegionBar, RegionConfig, RegionHost } from './region-host.ts'

/** What a plugin of that name is opened with. */
export type HostOf = (plugin: string) => RegionHost

/** @see RegionHost */
export function pluginHost(
  open: OpenPciDevice,
  { machine, dma, log }: PluginBus,
  plugin: string,
): RegionHost {
  const { hardware } = open
  const { bdf } = hardware
  const calls = new PluginCalls(plugin, bdf, log)
  return {
    function: hardware.identity,
    kernel: open.profile.version,
    config: ownConfig(open),
    bar: (index) => hardwareBar(hardware, index),
    functionAt: (place) => otherFunction(machine, place),
    property: (name) => machine.property(bdf, name),
    // The device is in the middle of a write: it must not see what a plugin throws.
    watchDma: (told) => dma.watch(bdf, (...write) => calls.tolerated('watchDma', () => told(...write))),
    physical: (start, sizeBytes) => machine.memory.window(start, sizeBytes),
  }
}

/** What lies around a device. */
type PluginBus = Pick<PciBus, 'machine' | 'dma' | 'log'>

/** Configuration space as the host sees it. */
export function hardwareConfig(hardware: PciHardware): RegionConfig {
  return {
    sizeBytes: hardware.configSizeBytes,
    read: (offset, widthBytes) => hardware.readConfig(offset, widthBytes),
    write: (offset, widthBytes, value) => hardware.writeConfig(offset, widthBytes, value),
  }
}

function ownConfig(open: OpenPciDevice): OwnConfig {
  const { config } = open
  return {
    ...hardwareConfig(open.hardware),
    seen: (offset, widthBytes) => readRegister(open, offset, widthBytes),
    keepVirtual: (offset, data) => config.keepVirtual(offset, data),
    show: (offset, data) => config.show(offset, data),
  }
}

/** @throws RangeError for text that is no place of a function. */
function otherFunction(machine: PciMachine, bdf: string): OtherFunction | undefined {
  const hardware = machine.hardware(Bdf.parse(bdf))
  return hardware && { function: hardware.identity, config: hardwareConfig(hardware) }
}

/** @throws RangeError when the function has no such memory BAR. */
export function hardwareBar(hardware: PciHardware, index: BarIndex): RegionBar {
  const resource = hardware.resources.find(({ bar }) => bar === index)
  if (resource === undefined || resource.kind !== 'memory')
    throw new RangeError(`${hardware.bdf} has no memory BAR ${index}`)
  return {
    sizeBytes: resource.sizeBytes,
    read: (offset, out) => hardware.readBar(index, offset, out),
    write: (offset, data) => hardware.writeBar(index, offset, data),
  }
}
