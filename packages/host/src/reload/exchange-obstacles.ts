/** Why devices that are open cannot go on with new code, whatever it answers. */
import { runLive } from '@vfiokit/locking'
import type { Bdf, PciFunction } from '@vfiokit/topology'
import { MIGRATION_STATE, type VfioDevice } from '@vfiokit/vfio-core'
import type { OpensDevices } from '../hooks/opens-devices.ts'
import type { Host } from '../host.ts'
import type { Opened, Slot } from './exchangeable-plugin.ts'

/** One reason a line. @param element - The new code of the slot. */
export function obstaclesOf(slot: Slot, element: OpensDevices, host: Host): string[] {
  const open = [...host.core.devices.values()].filter(
    (device) => host.bus.driverOf(device)?.open !== undefined,
  )
  return open.flatMap((device) => [
    ...matchObstacles(slot, element, device, host),
    ...dataObstacles(slot.opened.get(device.id), device, host),
  ])
}

const ASKED = 'and what matches is asked when a device is opened'

function matchObstacles(
  slot: Slot,
  element: OpensDevices,
  { id }: VfioDevice,
  { topology, bus }: Host,
): string[] {
  const fn = topology.function(id as Bdf)!
  const [did, does] = [slot.proxies.current as OpensDevices, element].map((each) => isMatch(each, fn))
  if (did !== does)
    return [`${element.name} ${does ? `matches ${id} now` : `does not match ${id} any more`}, ${ASKED}`]
  const hasFailed = bus.pluginFailures.some(
    ({ plugin, device, member }) => plugin === element.name && device === id && member === 'open',
  )
  return does && hasFailed ? [`${element.name} was not opened for ${id}, where it failed`] : []
}

/** One that fails at it matches nothing, as for the core. */
function isMatch(element: OpensDevices, fn: PciFunction): boolean {
  try {
    return element.matches(fn) === true
  } catch {
    return false
  }
}

/** Data on its way is an object of the old code, and what the device wrote is known to nobody else. */
function dataObstacles(opened: Opened | undefined, device: VfioDevice, { bus }: Host): string[] {
  if (opened === undefined) return []
  const { migration } = opened.proxies.current as { readonly migration?: unknown }
  const state = migration && runLive(bus.driverOf(device)!.migration!.getState())
  const [name] = Object.entries(MIGRATION_STATE).find(([, each]) => each === state) ?? []
  return [
    ...(name === undefined || name === 'RUNNING'
      ? []
      : [`${device.id} is in ${name}, on data of the old code`]),
    ...(opened.isLogging ? [`${device.id} logs DMA by the old code`] : []),
  ]
}
