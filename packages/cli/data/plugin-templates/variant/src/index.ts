/**
 * A variant driver of a card, for vfiokit.
 *
 *   BAR 0       cut: what lies behind the first page belongs to the host
 *   BAR 2       replaced: memory of the driver, where the card has nothing
 *   feature 64  how often the card was reset, 4 bytes
 *
 * To begin with: put your ids here and into host.yaml, and your hooks into `open`.
 */
import { type BarReplacement, definePlugin, type Plugin, type Variant, type VariantDriver } from '@vfiokit/plugin'

const VENDOR = 0x1e5a
const DEVICE = 0x0003
const PAGE_BYTES = 4096
const RESETS_FEATURE = 64

/** What a host asks for each function that it binds. */
export const pluginName: VariantDriver = {
  name: 'plugin-name',
  matches: (fn) => fn.vendorId === VENDOR && fn.deviceId === DEVICE,

  open(): Variant {
    let resets = 0
    const count = { payloadBytes: 4, get: (payload: Uint8Array) => countInto(payload, resets) }
    return {
      bars: { 0: { visibleBytes: PAGE_BYTES }, 2: memoryBar(new Uint8Array(2 * PAGE_BYTES)) },
      features: new Map([[RESETS_FEATURE, count]]),
      resetDone: () => {
        resets++
      },
    }
  },
}

/** `register` is what users find in configuration space, where they size it as any other BAR. */
function memoryBar(memory: Uint8Array): BarReplacement {
  const sizeBytes = memory.length
  return {
    sizeBytes,
    register: { kind: 'memory', width: 64, prefetchable: true, sizeBytes },
    read: (offset, out) => out.set(memory.subarray(offset, offset + out.length)),
    write: (offset, data) => memory.set(data, offset),
    backing: 'memory',
    fault: (offset) => ({ memory, offset }),
  }
}

function countInto(payload: Uint8Array, resets: number): void {
  new DataView(payload.buffer, payload.byteOffset).setUint32(0, resets, true)
}

const plugin: Plugin = definePlugin({ name: 'plugin-name', api: 1, variantDrivers: [pluginName] })

export default plugin
