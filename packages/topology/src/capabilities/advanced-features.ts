/** Advanced features (standard 13): function level reset of conventional PCI functions. */
import { type CapabilityLayout, register } from '../capability-layout.ts'

const capabilities = register(3, 1)

export const ADVANCED_FEATURES: CapabilityLayout = {
  id: 0x13,
  extended: false,
  sizeBytes: 6,
  fields: [
    register(2, 1).number('length'),
    capabilities.flag('transactionsPending', 0),
    capabilities.flag('functionLevelReset', 1),
    register(5, 1).flag('transactionPending', 0),
  ],
}
