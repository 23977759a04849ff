import { testRegionProvider } from '@vfiokit/testkit'
import { brightline } from './index.js'

testRegionProvider(brightline, {
  function: { vendorId: 0x1e5a, deviceId: 0x0100, bars: [{ index: 0, sizeBytes: 0x10000 }] },
  bars: { 0: { 0: [1, 0, 0, 0, 2, 0, 0, 0] } },
  regions: [
    { subtype: 1, sizeBytes: 64, read: true, write: false, backing: 'none' },
    { subtype: 2, sizeBytes: 0x1000, read: false, write: false, backing: 'bar' },
    { subtype: 3, sizeBytes: 0x4000, read: true, write: true, backing: 'memory' },
  ],
})
