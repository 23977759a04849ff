/**
 * Device-specific regions of the Acme sample card, whose part is played by QEMU's edu device.
 *
 *   status    16 bytes, trapped         identification of the card, and how often it was reset
 *   doorbell  4 KiB, mappable           one page of BAR 0: goes with the memory bit and with resets
 *   journal   8 KiB, mappable, trapped  ordinary memory: stays mapped whatever happens to the card
 *
 * Copy this package to begin one of your own.
 * @packageDocumentation
 */
import { definePlugin, type Plugin, type Region, type RegionBar, type RegionProvider } from '@vfiokit/plugin'

const VENDOR = 0x1234
const DEVICE = 0x11e8
const PAGE_BYTES = 4096

/** In BAR 0. */
const IDENTIFICATION = 0x00
const DOORBELL_PAGE = 0x40000

/** Subtypes of the vendor's region type, in the order of the regions. */
const SUBTYPE = { STATUS: 1, DOORBELL: 2, JOURNAL: 3 } as const

/** Regions of the Acme sample card. */
export const acmeSample: RegionProvider = {
  name: 'acme-sample',
  matches: (fn) => fn.vendorId === VENDOR && fn.deviceId === DEVICE,
  open: (host) => {
    const registers = host.bar(0)
    return [status(registers), doorbell(), journal(new Uint8Array(2 * PAGE_BYTES))]
  },
}

/** No `write` and no `fault`: the core reports it as read-only and not mappable. */
function status(registers: RegionBar): Region {
  const bytes = new Uint8Array(16)
  let resets = 0
  return {
    kind: { vendor: VENDOR, subtype: SUBTYPE.STATUS },
    sizeBytes: bytes.length,

    read(offset, out) {
      registers.read(IDENTIFICATION, bytes.subarray(0, 4))
      new DataView(bytes.buffer).setUint32(4, resets, true)
      out.set(bytes.subarray(offset, offset + out.length))
    },

    resetDone() {
      resets++
    },
  }
}

function doorbell(): Region {
  return {
    kind: { vendor: VENDOR, subtype: SUBTYPE.DOORBELL },
    sizeBytes: PAGE_BYTES,
    backing: 'bar',
    fault: (offset) => ({ bar: 0, offset: DOORBELL_PAGE + offset }),
  }
}

/** The point of the mail this project began with: mappable, and yet not memory of the device. */
function journal(memory: Uint8Array): Region {
  return {
    kind: { vendor: VENDOR, subtype: SUBTYPE.JOURNAL },
    sizeBytes: memory.length,
    read: (offset, out) => out.set(memory.subarray(offset, offset + out.length)),
    write: (offset, data) => memory.set(data, offset),
    backing: 'memory',
    fault: (offset) => ({ memory, offset }),
  }
}

/** What a host loads. */
const plugin: Plugin = definePlugin({
  name: '@vfiokit/region-acme-sample',
  api: 1,
  regionProviders: [acmeSample],
})

export default plugin
