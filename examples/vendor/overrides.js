/**
 * A driver for the Brightline BL-100 beside vfio-pci.
 *
 *   BAR 0   users see the lower half; the upper one has registers of the firmware
 *   BAR 2   a page of settings that the card does not have: a BAR made of memory
 */
import { definePlugin } from '@vfiokit/plugin'

const BAR_BYTES = 0x10000
const PAGE_BYTES = 4096
const REVISION = 0x08
/** VFIO_DEVICE_IOEVENTFD */
const IOEVENTFD = 0x3b74

/** @type {import('@vfiokit/plugin').VariantDriver} */
export const overrides = {
  name: 'brightline-overrides',
  matches: (fn) => fn.vendorId === 0x1e5a && fn.deviceId === 0x0100,

  open(host) {
    const memory = new Uint8Array(PAGE_BYTES)
    host.config.show(REVISION, Uint8Array.of(2))
    return {
      bars: {
        0: { visibleBytes: BAR_BYTES / 2 },
        2: {
          sizeBytes: memory.length,
          register: { kind: 'memory', width: 32, prefetchable: false, sizeBytes: memory.length },
          read: (offset, out) => out.set(memory.subarray(offset, offset + out.length)),
          write: (offset, data) => memory.set(data, offset),
          backing: 'memory',
          fault: (offset) => ({ memory, offset }),
        },
      },
      ioctl: (request) => (request === IOEVENTFD ? 'ENOTTY' : undefined),
    }
  },
}

export default definePlugin({ name: 'brightline-overrides', api: 1, variantDrivers: [overrides] })
