import { testRegionProvider } from '@vfiokit/testkit'
import { pluginName } from './index.ts'

const IDENTIFICATION = [0x5a, 0x1e, 0x01, 0x00]
const type = 0x8000_1e5a

testRegionProvider(pluginName, {
  function: { vendorId: 0x1e5a, deviceId: 0x0001, bars: [{ index: 0, sizeBytes: 0x1_0000 }] },
  bars: { 0: { 0: IDENTIFICATION } },
  regions: [
    { type, subtype: 1, sizeBytes: 64, read: true, write: false, backing: 'none' },
    { type, subtype: 2, sizeBytes: 0x2000, read: true, write: true, backing: 'memory' },
  ],
})
