/**
 * Who a function is, and what is the vendor's own: VPD (standard 03), vendor specific (standard 09), subsystem ids
 * of a bridge (standard 0d), serial number (extended 03), VSEC (extended 0b), DVSEC (extended 23).
 */
import { type CapabilityLayout, register } from '../capability-layout.ts'
import type { ConfigSpace } from '../config-space.ts'
import { hexByte } from '../hex-bytes.ts'

export const VITAL_PRODUCT_DATA: CapabilityLayout = {
  id: 0x03,
  extended: false,
  sizeBytes: 8,
  fields: [
    register(2, 2).number('address', 0, 15),
    register(2, 2).flag('complete', 15),
    register(4, 4).number('data'),
  ],
}

export const VENDOR_SPECIFIC: CapabilityLayout = {
  id: 0x09,
  extended: false,
  sizeBytes: 3,
  fields: [register(2, 1).number('length')],
}

export const SUBSYSTEM_IDS: CapabilityLayout = {
  id: 0x0d,
  extended: false,
  sizeBytes: 8,
  fields: [register(4, 2).number('vendorId'), register(6, 2).number('deviceId')],
}

const SERIAL_BYTES = 8

/** Most significant byte first, as it is printed on labels. */
function serialNumber(config: ConfigSpace, offset: number): Readonly<Record<string, unknown>> {
  if (!config.has(offset + 4, SERIAL_BYTES)) return {}
  const bytes = Array.from({ length: SERIAL_BYTES }, (_, index) => config.read8(offset + 4 + index))
  return { serialNumber: bytes.reverse().map(hexByte).join('-') }
}

export const DEVICE_SERIAL_NUMBER: CapabilityLayout = {
  id: 0x03,
  extended: true,
  sizeBytes: 12,
  fields: [],
  more: serialNumber,
}

export const VENDOR_SPECIFIC_EXTENDED: CapabilityLayout = {
  id: 0x0b,
  extended: true,
  sizeBytes: 8,
  fields: [
    register(4, 4).number('vendorCapabilityId', 0, 16),
    register(4, 4).number('vendorRevision', 16, 4),
    register(4, 4).number('length', 20, 12),
  ],
}

export const DESIGNATED_VENDOR_SPECIFIC: CapabilityLayout = {
  id: 0x23,
  extended: true,
  sizeBytes: 10,
  fields: [
    register(4, 4).number('vendorId', 0, 16),
    register(4, 4).number('vendorRevision', 16, 4),
    register(4, 4).number('length', 20, 12),
    register(8, 2).number('vendorCapabilityId'),
  ],
}
