import { STRATEGIES, sharedInode, unmapRange } from '@vfiokit/locking-strategies'
import { expect, test } from 'vitest'
import { explore } from '../explore.ts'
import { slot } from '../fixtures/slot.ts'
import { runToEnd } from '../modes/run-to-end.ts'
import type { ModelSpec } from './model-spec.ts'

const overZap = (strategy: (typeof STRATEGIES)[number], spec: ModelSpec) =>
  runToEnd(explore(strategy, spec, { mode: 'lockdep' })).overZap

const SLOT = slot({ devices: 3, faults: 1, resets: 1 })

test.each(STRATEGIES.filter((strategy) => strategy !== sharedInode))(
  '$name empties the device that is turned off, and no other',
  (strategy) => {
    expect(overZap(strategy, SLOT)).toBe(0)
  },
)

test('shared-inode empties every sibling as well when one device is turned off', () => {
  expect(overZap(sharedInode, SLOT)).toBe(2)
})

test('a hot reset is about every device: emptying them all is no excess', () => {
  expect(overZap(sharedInode, slot({ devices: 3, faults: 1, resets: 1, guest: false }))).toBe(0)
})

test('a mapping of other memory lies outside of what an address space empties', () => {
  const other = { name: 'acme', device: 'd0', process: 'p0', followsMemory: false }
  const spec = { ...SLOT, mappings: [...SLOT.mappings, other] }
  expect(overZap(unmapRange, spec)).toBe(0)
  expect(overZap(sharedInode, spec)).toBe(2)
})
