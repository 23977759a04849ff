/**
 * A plugin whose code can be exchanged while devices are open: the host has proxies, and never the objects of the
 * plugin itself.
 */
import type { Plugin } from '@vfiokit/plugin'
import { type HookCall, HookProxies } from '../hooks/hook-proxy.ts'
import { deviceAmong, type OpensDevices, withDeviceParts } from '../hooks/opens-devices.ts'

/** What one provider answered for one device, the last time it was opened. */
export interface Opened {
  readonly device: string
  /** What it was opened with; the new code is opened with the same. */
  readonly given: readonly unknown[]
  readonly proxies: HookProxies
  /** A log of DMA was started and not stopped. */
  isLogging: boolean
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
    const own: Opened = {
      device,
      given: call.arguments,
      proxies: new HookProxies(answer, (each) => askNoting(each, own)),
      isLogging: false,
    }
    opened.set(device, own)
    return own.proxies.answer
  })
  return { place, proxies, opened }
}

/** An errno leaves a log as it was. */
function askNoting(call: HookCall, opened: Opened): unknown {
  const answer = call.ask()
  if (call.path === '.dmaLog' && answer === undefined && ['start', 'stop'].includes(call.member))
    opened.isLogging = call.member === 'start'
  return answer
}
