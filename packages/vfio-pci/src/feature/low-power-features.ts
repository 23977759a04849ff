/** LOW_POWER_ENTRY, LOW_POWER_ENTRY_WITH_WAKEUP, LOW_POWER_EXIT. Kernel: `vfio_pci_core_pm_*`. */
import { type DeviceFeature, eventfdOf, LOW_POWER_WAKEUP, payloadIn, VfioError } from '@vfiokit/vfio-core'
import type { VfioPciDevice } from '../vfio-pci-device.ts'

/** Lets the function sleep until it is used. */
export function lowPowerEntry({ lowPower }: VfioPciDevice): DeviceFeature {
  return {
    payloadBytes: 0,
    *set() {
      yield* lowPower.enter(undefined)
      return 0
    },
  }
}

/** The same; when it is used an eventfd is signalled, and the mode is over. */
export function lowPowerEntryWithWakeup({ lowPower }: VfioPciDevice): DeviceFeature {
  return {
    payloadBytes: LOW_POWER_WAKEUP.sizeBytes,
    *set(call) {
      const { wakeup_eventfd: fd } = payloadIn(LOW_POWER_WAKEUP, call)
      if (fd < 0) throw new VfioError('EINVAL', 'bad-fd', `fd ${fd} to wake up by`)
      yield* lowPower.enter(eventfdOf(call.process, fd))
      return 0
    },
  }
}

/** Ends it. Works always. */
export function lowPowerExit({ lowPower }: VfioPciDevice): DeviceFeature {
  return {
    payloadBytes: 0,
    *set() {
      yield* lowPower.leave()
      return 0
    },
  }
}
