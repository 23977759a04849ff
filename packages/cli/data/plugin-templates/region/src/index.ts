/**
 * Regions of a card, for vfiokit.
 *
 *   status   64 bytes, trapped     registers of the card, read through BAR 0
 *   buffer   8 KiB, mappable       ordinary memory: stays mapped whatever happens to the card
 *
 * To begin with: put your ids here and into host.yaml, and your regions into `open`.
 */
import { definePlugin, type Plugin, type Region, type RegionBar, type RegionProvider } from '@vfiokit/plugin'

const VENDOR = 0x1e5a
const DEVICE = 0x0001
const PAGE_BYTES = 4096

/** In BAR 0. */
const STATUS = 0x00

/** Subtypes of the vendor's region type, in the order of the regions: they become 9 and 10. */
const SUBTYPE = { STATUS: 1, BUFFER: 2 } as const

/** What a host asks for each function that it binds. */
export const pluginName: RegionProvider = {
  name: 'plugin-name',
  matches: (fn) => fn.vendorId === VENDOR && fn.deviceId === DEVICE,
  open: (host) => [status(host.bar(0)), buffer(new Uint8Array(2 * PAGE_BYTES))],
}

/** There is no `write` and no `fault`: it is read-only, and cannot be mapped. */
function status(registers: RegionBar): Region {
  return {
    kind: { vendor: VENDOR, subtype: SUBTYPE.STATUS },
    sizeBytes: 64,

    read(offset, out) {
      // A BAR takes 1, 2, 4 or 8 bytes at a time, and a reader may ask for 3.
      for (let at = 0; at < out.length; at++)
        registers.read(STATUS + offset + at, out.subarray(at, at + 1))
    },
  }
}

/** `fault` makes it mappable, and `backing` says what its pages have to do with the card: nothing. */
function buffer(memory: Uint8Array): Region {
  return {
    kind: { vendor: VENDOR, subtype: SUBTYPE.BUFFER },
    sizeBytes: memory.length,
    read: (offset, out) => out.set(memory.subarray(offset, offset + out.length)),
    write: (offset, data) => memory.set(data, offset),
    backing: 'memory',
    fault: (offset) => ({ memory, offset }),
  }
}

const plugin: Plugin = definePlugin({ name: 'plugin-name', api: 1, regionProviders: [pluginName] })

export default plugin
