import { STRATEGIES } from '@vfiokit/locking-strategies'
import { expect, test } from 'vitest'
import { Host } from '../fixtures/host.ts'

test.each(STRATEGIES)(
  'T66 a large mapping that begins between large pages comes as it may ($name)',
  (strategy) => {
    const testdev = new Host({ strategy }).guest().open('testdev')
    const pages = 1024
    const map = testdev.map(2, 0x1000, pages * 0x1000)
    map.store(0x20_0000, 0x1234_5678)
    expect(map.load(0x20_0000)).toBe(0x1234_5678)
    expect(map.presentPages).toBe(strategy.populate === 'mapping' ? pages : 1)
  },
)
