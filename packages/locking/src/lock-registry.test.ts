import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { LockRegistry, runLive } from '@vfiokit/locking'
import { describe, expect, test } from 'vitest'
import { OneDevice } from './fixtures/one-device.ts'

describe('a lock registry', () => {
  test('makes fair locks unless told otherwise, and knows them all', () => {
    const [fair, unfair] = [new LockRegistry(), new LockRegistry({ fair: false })]
    const made = [fair.mutex('m'), fair.rwsem('s')]
    expect(fair.locks).toEqual(made)
    expect([...made, unfair.rwsem('s')].map((lock) => lock.fair)).toEqual([true, true, false])
  })

  test('says which locks are held or waited for', () => {
    const registry = new LockRegistry()
    const [mutex, rwsem] = [registry.mutex('m'), registry.rwsem('s')]
    expect(registry.busy()).toEqual([])
    rwsem.tryTake('read')
    expect(registry.busy()).toEqual([rwsem])
    rwsem.wait({ mode: 'write', granted: () => {} })
    mutex.tryTake('write')
    expect(registry.busy()).toEqual([mutex, rwsem])
  })

  test('forgets a lock that is destroyed, once nobody holds it', () => {
    const registry = new LockRegistry()
    const [kept, held] = [registry.mutex('kept'), registry.mutex('held')]
    held.tryTake('write')
    registry.destroy(held)
    expect(registry.busy()).toEqual([held])
    held.drop('write')
    expect(registry.locks).toEqual([kept])
  })

  test('keeps nothing of a lock that is destroyed, also when nobody asks', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const registry = new LockRegistry()
    const locks = Array.from({ length: 8 }, () => {
      const lock = registry.mutex('m')
      registry.destroy(lock)
      return new WeakRef(lock)
    })
    // A reference that was made in this turn of the event loop keeps its target till the end of it.
    await new Promise((resolve) => setTimeout(resolve, 0))
    collect()
    expect(locks.filter((lock) => lock.deref() !== undefined)).toEqual([])
    expect(registry.locks).toEqual([])
  })

  test('makes cells, and lists over the mappings of a device', () => {
    const registry = new LockRegistry()
    const { device, mapping } = new OneDevice()
    expect(registry.cell('c', [3, 4]).peek()).toBe(3)
    const list = registry.mappingList('l', device)
    runLive(list.add(mapping))
    expect([...list.universe()]).toEqual([mapping])
    expect(list.contains(mapping)).toBe(true)
  })
})
