/**
 * Regions of the Brightline BL-100, a card that counts events.
 *
 *   counters  64 bytes, trapped    the event counters, copied from BAR 0
 *   trigger   4 KiB, mappable      one page of BAR 0: a store to it reaches the card
 *   samples   16 KiB, mappable     ordinary memory: stays mapped whatever happens to the card
 */
import { definePlugin } from '@vfiokit/plugin'

const VENDOR = 0x1e5a
const DEVICE = 0x0100
const PAGE_BYTES = 4096

/** In BAR 0. */
const COUNTERS = 0x0000
const TRIGGER = 0x1000

/** @type {import('@vfiokit/plugin').RegionProvider} */
export const brightline = {
  name: 'brightline',
  matches: (fn) => fn.vendorId === VENDOR && fn.deviceId === DEVICE,

  open(host) {
    const bar = host.bar(0)
    const memory = new Uint8Array(4 * PAGE_BYTES)
    return [
      {
        kind: { vendor: VENDOR, subtype: 1 },
        sizeBytes: 64,
        read(offset, out) {
          // A BAR takes 1, 2, 4 or 8 bytes at a time, and a reader may ask for 3: byte by byte is always right.
          for (let at = 0; at < out.length; at++) bar.read(COUNTERS + offset + at, out.subarray(at, at + 1))
        },
      },
      {
        kind: { vendor: VENDOR, subtype: 2 },
        sizeBytes: PAGE_BYTES,
        backing: 'bar',
        fault: (offset) => ({ bar: 0, offset: TRIGGER + offset }),
      },
      {
        kind: { vendor: VENDOR, subtype: 3 },
        sizeBytes: memory.length,
        read: (offset, out) => out.set(memory.subarray(offset, offset + out.length)),
        write: (offset, data) => memory.set(data, offset),
        backing: 'memory',
        fault: (offset) => ({ memory, offset }),
      },
    ]
  },
}

export default definePlugin({ name: 'brightline-regions', api: 1, regionProviders: [brightline] })
