/** Migration of the Brightline BL-200. All its state is 16 bytes of counters at the start of BAR 0. */
import { definePlugin } from '@vfiokit/plugin'

const STATE_BYTES = 16
const REGISTER_BYTES = 4

/** The counters on their way out. @param {Uint8Array} state @returns {import('@vfiokit/plugin').MigrationSource} */
function leaving(state) {
  let at = 0
  return {
    read(out) {
      const part = state.subarray(at, at + out.length)
      out.set(part)
      at += part.length
      return part.length
    },
  }
}

/** @type {import('@vfiokit/plugin').VariantDriver} */
export const migrating = {
  name: 'brightline-migration',
  matches: (fn) => fn.vendorId === 0x1e5a && fn.deviceId === 0x0200,

  open(host) {
    const bar = host.bar(0)
    const registers = Array.from({ length: STATE_BYTES / REGISTER_BYTES }, (_, at) => at * REGISTER_BYTES)
    /** @type {number[]} */
    let arrived = []
    return {
      migration: {
        dataSizeBytes: () => STATE_BYTES,
        step(from, to) {
          if (to === 'STOP_COPY') {
            const state = new Uint8Array(STATE_BYTES)
            for (const at of registers) bar.read(at, state.subarray(at, at + REGISTER_BYTES))
            return leaving(state)
          }
          if (to === 'RESUMING') {
            arrived = []
            return { write: (data) => void arrived.push(...data) }
          }
          if (from === 'RESUMING') {
            if (arrived.length !== STATE_BYTES) return 'EINVAL'
            const state = Uint8Array.from(arrived)
            for (const at of registers) bar.write(at, state.subarray(at, at + REGISTER_BYTES))
          }
          return undefined
        },
        discard() {
          arrived = []
        },
      },
    }
  },
}

export default definePlugin({ name: 'brightline-migration', api: 1, variantDrivers: [migrating] })
