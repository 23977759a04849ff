import { acmeSample } from '@vfiokit/region-acme-sample'
import { testRegionProvider } from '@vfiokit/testkit'

const VENDOR_TYPE = 0x80001234

testRegionProvider(acmeSample, {
  function: { vendorId: 0x1234, deviceId: 0x11e8, bars: [{ index: 0, sizeBytes: 0x10_0000 }] },
  // The identification register of QEMU's edu device.
  bars: { 0: { 0x00: [0xed, 0x00, 0x00, 0x01] } },
  regions: [
    { type: VENDOR_TYPE, subtype: 1, sizeBytes: 16, read: true, write: false, backing: 'none' },
    { type: VENDOR_TYPE, subtype: 2, sizeBytes: 0x1000, read: false, write: false, backing: 'bar' },
    { type: VENDOR_TYPE, subtype: 3, sizeBytes: 0x2000, read: true, write: true, backing: 'memory' },
  ],
})
