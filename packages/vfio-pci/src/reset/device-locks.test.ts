import { runLive } from '@vfiokit/locking'
import { KERNEL_VERSIONS } from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { failure, type GuestDevice } from '../fixtures/guest.ts'
import { Host } from '../fixtures/host.ts'
import { BDF, type FunctionName } from '../fixtures/machine.ts'
import { spyOn } from '../fixtures/spy-model.ts'

/** Does something while somebody else resets, binds or unbinds a function. */
function whileLocked<T>(host: Host, bdf: (typeof BDF)[FunctionName], action: () => T): T {
  const lock = host.bus.locks.of(bdf)
  expect(lock.tryTake('write')).toBe(true)
  try {
    return action()
  } finally {
    lock.drop('write')
  }
}

const bridgeOf = (host: Host, name: FunctionName) => host.topology.function(BDF[name])!.parent!
const reset = (device: GuestDevice) => failure(() => device.reset())

describe.each(KERNEL_VERSIONS)('while somebody else has the function locked, on %s', (kernel) => {
  test('T33 a function reset is EAGAIN; its pages are gone, and a touch brings them back', () => {
    const host = new Host({ kernel })
    const nvme = host.guest().open('nvme')
    const map = nvme.map(0)
    map.load()
    expect(whileLocked(host, BDF.nvme, () => reset(nvme))).toBe('EAGAIN')
    expect(map.presentPages).toBe(0)
    expect(map.load()).toBe(0)
    expect(reset(nvme)).toBeUndefined()
  })

  test('T37 an open is EAGAIN, and works when the lock is free', () => {
    const host = new Host({ kernel })
    const guest = host.guest()
    expect(whileLocked(host, BDF.nvme, () => failure(() => guest.open('nvme')))).toBe('EAGAIN')
    expect(host.bus.enableCount(BDF.nvme)).toBe(0)
    expect(guest.open('nvme').read(0, 0, 4)).toHaveLength(4)
  })

  test('a function without reset method opens all the same', () => {
    const host = new Host({ kernel })
    expect(whileLocked(host, BDF.edu, () => failure(() => host.guest().open('edu')))).toBeUndefined()
  })

  test('a close does not reset the function, which is remembered', () => {
    const spy = spyOn('nvme')
    const host = new Host({ kernel, models: [spy.model] })
    const nvme = host.guest().open('nvme')
    spy.accesses.length = 0
    whileLocked(host, BDF.nvme, () => nvme.close())
    expect(spy.accesses).not.toContain('flr')
    expect(host.driver('nvme').needsReset).toBe(true)
  })

  test('T76 a hot reset is EAGAIN, all locks are free again, and the next one works', () => {
    const host = new Host({ kernel })
    const edu = host.guest().open('edu')
    expect(whileLocked(host, BDF.nic, () => failure(() => edu.hotReset()))).toBe('EAGAIN')
    expect(host.busyLocks()).toEqual([])
    expect(failure(() => edu.hotReset())).toBeUndefined()
  })
})

test.each([
  ['5.10', undefined, undefined],
  ['6.1', undefined, 'EAGAIN'],
  ['6.12', 'EAGAIN', 'EAGAIN'],
  ['7.2', 'EAGAIN', 'EAGAIN'],
] as const)('on %s a locked bridge makes a function reset %s and a hot reset %s', (kernel, own, hot) => {
  const host = new Host({ kernel })
  const nvme = host.guest().open('nvme')
  const bridge = bridgeOf(host, 'nvme')
  expect(whileLocked(host, bridge, () => reset(nvme))).toBe(own)
  expect(whileLocked(host, bridge, () => failure(() => nvme.hotReset()))).toBe(hot)
})

test('a reset by sysfs waits for the lock', async () => {
  const host = new Host()
  const lock = host.bus.locks.of(BDF.nvme)
  lock.tryTake('write')
  const waiting = runLive(host.bus.resetBySysfs(BDF.nvme))
  expect(waiting).toBeInstanceOf(Promise)
  lock.drop('write')
  await waiting
  expect(host.busyLocks()).toEqual([])
})
