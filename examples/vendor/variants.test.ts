import { testVariantDriver } from '@vfiokit/testkit'
import { migrating } from './migration.js'
import { overrides } from './overrides.js'

testVariantDriver(overrides, {
  function: { vendorId: 0x1e5a, deviceId: 0x0100, bars: [{ index: 0, sizeBytes: 0x10000 }] },
  replacements: { 2: { sizeBytes: 0x1000, read: true, write: true, backing: 'memory' } },
})

testVariantDriver(migrating, {
  function: { vendorId: 0x1e5a, deviceId: 0x0200, bars: [{ index: 0, sizeBytes: 0x10000 }] },
})
