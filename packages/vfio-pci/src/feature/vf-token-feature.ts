/** PCI_VF_TOKEN: the user of a physical function sets its token. Kernel: `vfio_pci_core_feature_token`. */
import { type DeviceFeature, UUID_BYTES, uuidText } from '@vfiokit/vfio-core'
import type { VfioPciDevice } from '../vfio-pci-device.ts'

/** It cannot be got: that would show the token of an earlier user. */
export function vfTokenFeature({ vfToken }: VfioPciDevice): DeviceFeature | undefined {
  if (vfToken === undefined) return undefined
  return {
    payloadBytes: UUID_BYTES,
    // biome-ignore lint/correctness/useYield: a feature is an operation, whether it waits or not
    *set({ payload }) {
      vfToken.set(uuidText(payload.subarray(0, UUID_BYTES)))
      return 0
    },
  }
}
