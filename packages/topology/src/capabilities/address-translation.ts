/** What an IOMMU shares with a function: ATS (extended 0f), PRI (extended 13), PASID (extended 1b). */
import { type CapabilityLayout, register } from '../capability-layout.ts'

export const ADDRESS_TRANSLATION_SERVICES: CapabilityLayout = {
  id: 0x0f,
  extended: true,
  sizeBytes: 8,
  fields: [
    // 0 stands for 32.
    register(4, 2).number('invalidateQueueDepth', 0, 5),
    register(4, 2).flag('pageAlignedRequest', 5),
    register(6, 2).number('smallestTranslationUnit', 0, 5),
    register(6, 2).flag('enabled', 15),
  ],
}

export const PAGE_REQUEST_INTERFACE: CapabilityLayout = {
  id: 0x13,
  extended: true,
  sizeBytes: 16,
  fields: [
    register(4, 2).flag('enabled', 0),
    register(4, 2).flag('reset', 1),
    register(6, 2).flag('responseFailure', 0),
    register(6, 2).flag('unexpectedGroupIndex', 1),
    register(6, 2).flag('stopped', 8),
    register(6, 2).flag('pasidRequired', 15),
    register(8, 4).number('outstandingCapacity'),
    register(12, 4).number('outstandingAllocation'),
  ],
}

export const PROCESS_ADDRESS_SPACE_ID: CapabilityLayout = {
  id: 0x1b,
  extended: true,
  sizeBytes: 8,
  fields: [
    register(4, 2).flag('execute', 1),
    register(4, 2).flag('privileged', 2),
    register(4, 2).number('maxWidth', 8, 5),
    register(6, 2).flag('enabled', 0),
    register(6, 2).flag('executeEnabled', 1),
    register(6, 2).flag('privilegedEnabled', 2),
  ],
}
