/**
 * A plugin whose code can be exchanged while devices are open: the host has proxies, and never the objects of the
 * plugin itself.
 */
import type { Plugin } from '@vfiokit/plugin'
import { HookProxies } from '../hooks/hook-proxy.ts'
import { deviceAmong, type OpensDevices, withDeviceParts } from '../hooks/opens-devices.ts'

/** What one provider answered for one device, the last time it was opened. */
export interface Opened {
  readonly device: string
  /** What it was opened with; the new code is opened with the same. */
  readonly given: readonly unknown[]
  readonly proxies: HookProxies
}

/** One provider of a plugin. */
export interface Slot {
  /** `regionProviders[0]`: where it stands in the plugin. */
  readonly place: string
  readonly proxies: HookProxies
  /** By device. */
  readonly opened: ReadonlyMap<string, Opened>
}

/** Wraps one plugin. */
export class ExchangeablePlugin {
  /** For a host. */
  readonly plugin: Plugin
  readonly slots: readonly Slot[]

  constructor(
    /** As it was loaded; whoever exchanges the code says so. */
    public current: Plugin,
  ) {
    const slots: Slot[] = []
    this.plugin = withDeviceParts(current, (element, part, at) => {
      const slot = slotOf(element, `${part}[${at}]`)
      slots.push(slot)
      return slot.proxies.answer
    })
    this.slots = slots
  }
}

/** The elements of a plugin that are opened for devices, by place. */
export function elementsOf(plugin: Plugin): ReadonlyMap<string, OpensDevices> {
  const elements = new Map<string, OpensDevices>()
  withDeviceParts(plugin, (element, part, at) => elements.set(`${part}[${at}]`, element))
  return elements
}

function slotOf(element: OpensDevices, place: string): Slot {
  const opened = new Map<string, Opened>()
  const proxies = new HookProxies(element, (call) => {
    const answer = call.ask()
    const device = deviceAmong(call.arguments)
    if (call.member !== 'open' || device === undefined) return answer
    const own = new HookProxies(answer, (each) => each.ask())
    opened.set(device, { device, given: call.arguments, proxies: own })
    return own.answer
  })
  return { place, proxies, opened }
}
