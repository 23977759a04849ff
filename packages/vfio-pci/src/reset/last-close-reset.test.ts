import { STRATEGIES } from '@vfiokit/locking-strategies'
import { KERNEL_VERSIONS } from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { Host } from '../fixtures/host.ts'
import { AT, SLOT } from '../fixtures/machine.ts'
import { spyOn } from '../fixtures/spy-model.ts'

describe.each(STRATEGIES)('the last close of a set, under $name', (strategy) => {
  test('T48 a function that cannot be reset alone waits until nobody has a sibling open', () => {
    const spies = SLOT.map((name) => spyOn(name))
    const host = new Host({ strategy, models: spies.map(({ model }) => model) })
    const vm = host.guest()
    const edu = vm.open('edu')
    const nic = vm.open('nic')
    const map = edu.map(0)
    map.store(0, 0x77)
    map.unmap()
    for (const spy of spies) spy.accesses.length = 0
    edu.close()
    expect(host.driver('edu').needsReset).toBe(true)
    expect(spies.flatMap(({ accesses }) => accesses)).toEqual([])
    nic.close()
    expect(spies.map(({ accesses }) => accesses.at(-1))).toEqual(['bus', 'bus', 'bus', 'bus'])
    expect(SLOT.map((name) => host.driver(name).needsReset)).toEqual([false, false, false, false])
    expect(host.guest().open('edu').read(0, 0, 1)[0]).toBe(0)
    expect(host.busyLocks()).toEqual([])
  })
})

test('functions that were all reset alone need nothing more', () => {
  const spies = SLOT.map((name) => spyOn(name))
  const host = new Host({ models: spies.map(({ model }) => model) })
  const vm = host.guest()
  const nvme = vm.open('nvme')
  for (const spy of spies) spy.accesses.length = 0
  nvme.close()
  expect(spies.map(({ accesses }) => accesses)).toEqual([['flr'], [], [], []])
})

test('with a function in the slot that vfio does not drive, the set is not reset', () => {
  const spy = spyOn('edu')
  const host = new Host({ models: [spy.model], bind: ['nvme', 'edu'] })
  host.guest().open('edu').close()
  expect(spy.accesses).toEqual([])
  expect(host.driver('edu').needsReset).toBe(true)
})

test('on a root bus nobody can reset', () => {
  const host = new Host()
  host.guest().open('rootEdu').close()
  expect(host.driver('rootEdu').needsReset).toBe(true)
})

describe('closing', () => {
  test('puts registers back as they were found, and powers up', () => {
    const host = new Host()
    const hardware = host.hardware('nvme')
    hardware.writeConfig(4, 2, 0x0106)
    const before = [0x0c, 0x10, 0x14, 0x3c].map((at) => hardware.readConfig(at, 4))
    const nvme = host.guest().open('nvme')
    nvme.setConfig(4, 2, 0x0400)
    nvme.setConfig(0x0c, 1, 0x10)
    nvme.setConfig(0x44, 2, 3)
    nvme.close()
    expect([0x0c, 0x10, 0x14, 0x3c].map((at) => hardware.readConfig(at, 4))).toEqual(before)
    expect(hardware.readConfig(4, 2) & 0x0407).toBe(2)
    expect(hardware.powerState).toBe('D0')
  })

  test('the next open begins anew: memory on, virtual registers from the hardware', () => {
    const vm = new Host().guest()
    const first = vm.open('nvme')
    first.setMemory(false)
    first.setConfig(0x10, 4, 0xc000_0000)
    first.setConfig(AT.nvmePm + 4, 2, 3)
    first.close()
    const second = vm.open('nvme')
    expect(second.config(4, 2) & 2).toBe(2)
    expect(second.config(0x10, 4)).toBe(0xfe38_0004)
    expect(second.read(0, 0, 4)).toHaveLength(4)
  })

  test('one of two open files closes nothing', () => {
    const vm = new Host().guest()
    const first = vm.open('nvme')
    const second = vm.open('nvme')
    first.setConfig(0x3c, 1, 0x2a)
    first.close()
    expect(second.config(0x3c, 1)).toBe(0x2a)
  })

  test.each(KERNEL_VERSIONS)(
    'T61 a mapping keeps a closed device open: the next to open finds its state (%s)',
    (kernel) => {
      const host = new Host({ kernel })
      const vm = host.guest()
      const first = vm.open('nvme')
      const map = first.map(0)
      first.setMemory(false)
      first.close()
      expect(host.driver('nvme').open).toBeDefined()
      const second = vm.open('nvme')
      expect(second.config(4, 2) & 2).toBe(0)
      second.setMemory(true)
      expect(map.load()).toBe(0)
      second.close()
      expect(host.driver('nvme').open).toBeDefined()
      map.unmap()
      expect(host.driver('nvme').open).toBeUndefined()
    },
  )
})
