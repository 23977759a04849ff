import { FEATURE, KERNEL_VERSIONS, type KernelVersion } from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { bytesOf, failure, type GuestDevice } from '../fixtures/guest.ts'
import { Host } from '../fixtures/host.ts'
import { AT, type FunctionName } from '../fixtures/machine.ts'

const [GET, SET, PROBE] = [0x1_0000, 0x2_0000, 0x4_0000]
const WITH_LOW_POWER = KERNEL_VERSIONS.filter((kernel) => kernel !== '5.10')
const { LOW_POWER_ENTRY, LOW_POWER_ENTRY_WITH_WAKEUP, LOW_POWER_EXIT, PCI_VF_TOKEN } = FEATURE

/** What using a feature ends with. */
function use(device: GuestDevice, flags: number, payload: Uint8Array = new Uint8Array(0)): string | number {
  return failure(() => device.feature(flags, payload)) ?? 0
}

const enter = (device: GuestDevice) => use(device, SET | LOW_POWER_ENTRY)
const leave = (device: GuestDevice) => use(device, SET | LOW_POWER_EXIT)
const enterWithWakeup = (device: GuestDevice, fd: number) =>
  use(device, SET | LOW_POWER_ENTRY_WITH_WAKEUP, Uint8Array.of(...bytesOf(fd >>> 0, 4), 0, 0, 0, 0))

/** A host with one open function; the kernel's worker gets its turn when time passes. */
function bench(kernel: KernelVersion, name: FunctionName = 'nvme') {
  const host = new Host({ kernel })
  const device = host.guest().open(name)
  device.setMemory(true)
  const { calls } = device.guest
  return {
    host,
    device,
    eventfd: () => calls.eventfd(),
    heard: (fd: number) => Number(calls.readEvent(fd) ?? 0n),
    sleep: () => host.machine.clock.advance(1),
    isAsleep: () => host.bus.isSuspended(host.hardware(name).bdf),
  }
}

test('T51 5.10 has no low power', () => {
  const { device } = bench('5.10')
  expect([enter(device), leave(device), use(device, PROBE | LOW_POWER_ENTRY)]).toEqual([
    'ENOTTY',
    'ENOTTY',
    'ENOTTY',
  ])
})

describe.each(WITH_LOW_POWER)('low power on %s', (kernel) => {
  test('T51 entered twice it is EINVAL, left twice it is not', () => {
    const { device } = bench(kernel)
    expect([enter(device), enter(device)]).toEqual([0, 'EINVAL'])
    expect([leave(device), leave(device)]).toEqual([0, 0])
    expect(enter(device)).toBe(0)
  })

  test('can be set and probed, not got; the wakeup needs an eventfd', () => {
    const { device } = bench(kernel)
    for (const index of [LOW_POWER_ENTRY, LOW_POWER_ENTRY_WITH_WAKEUP, LOW_POWER_EXIT])
      expect([use(device, PROBE | SET | index), use(device, GET | index)]).toEqual([0, 'EINVAL'])
    expect(use(device, SET | LOW_POWER_ENTRY_WITH_WAKEUP)).toBe('EINVAL')
    expect([enterWithWakeup(device, -1), enterWithWakeup(device, 99)]).toEqual(['EINVAL', 'EBADF'])
    expect(enterWithWakeup(device, device.calls.fd)).toBe('EINVAL')
    expect(enter(device)).toBe(0)
  })

  test('T52 pages are gone and cannot come back, but reads and writes wake the function', () => {
    const { device, sleep, isAsleep } = bench(kernel)
    const mapping = device.map(0)
    mapping.store(0x24, 7)
    enter(device)
    expect(mapping.presentPages).toBe(0)
    expect(failure(() => mapping.load())).toBe('SIGBUS')
    sleep()
    expect(isAsleep()).toBe(true)
    expect(failure(() => mapping.load())).toBe('SIGBUS')
    expect(device.read(0, 0x24, 4)).toEqual(Uint8Array.of(7, 0, 0, 0))
    expect(isAsleep()).toBe(false)
    // Used it is awake, but the mode goes on.
    expect(failure(() => mapping.load())).toBe('SIGBUS')
    sleep()
    expect(isAsleep()).toBe(true)
    leave(device)
    expect([isAsleep(), mapping.load(0x24)]).toEqual([false, 7])
  })

  test('refused because it is engaged already, it zaps all the same', () => {
    const { device } = bench(kernel)
    enter(device)
    expect(enter(device)).toBe('EINVAL')
    leave(device)
    const mapping = device.map(0)
    mapping.load()
    enter(device)
    expect(mapping.presentPages).toBe(0)
  })

  test('T53 a use after real sleep is told once, and ends the mode', () => {
    const { device, eventfd, heard, sleep } = bench(kernel)
    const mapping = device.map(0)
    const fd = eventfd()
    expect(enterWithWakeup(device, fd)).toBe(0)
    sleep()
    device.info()
    expect(heard(fd)).toBe(1)
    expect(failure(() => mapping.load())).toBeUndefined()
    expect(enter(device)).toBe(0)
    sleep()
    device.info()
    expect(heard(fd)).toBe(0)
  })

  test('T53 a use before it slept is not told, and ends nothing', () => {
    const { device, eventfd, heard } = bench(kernel)
    const fd = eventfd()
    enterWithWakeup(device, fd)
    device.info()
    expect(heard(fd)).toBe(0)
    expect(enter(device)).toBe('EINVAL')
  })

  test('from D3hot it sleeps in the core’s hands, and wakes in D0', () => {
    const { device, sleep } = bench(kernel)
    device.setConfig(AT.nvmePm + 4, 2, 3)
    expect(failure(() => device.read(0, 0, 4))).toBe('EIO')
    enter(device)
    sleep()
    expect(device.config(AT.nvmePm + 4, 2) & 3).toBe(0)
    expect(failure(() => device.read(0, 0, 4))).toBeUndefined()
  })

  test('a hot reset wakes the function, tells of it, and it works', () => {
    const { device, eventfd, heard, sleep } = bench(kernel)
    const fd = eventfd()
    enterWithWakeup(device, fd)
    sleep()
    device.hotReset()
    expect(heard(fd)).toBe(1)
  })

  test('closing ends it, and nobody is told', () => {
    const { host, device, eventfd, heard, sleep } = bench(kernel)
    const fd = eventfd()
    enterWithWakeup(device, fd)
    sleep()
    device.close()
    expect(heard(fd)).toBe(0)
    const again = host.guest('vm1').open('nvme')
    again.setMemory(true)
    expect(enter(again)).toBe(0)
    expect(host.busyLocks()).toEqual([])
  })

  test('a physical function with virtual ones stays on', () => {
    const { device, sleep, isAsleep } = bench(kernel, 'pf')
    expect(enter(device)).toBe(0)
    sleep()
    expect(isAsleep()).toBe(false)
  })
})

describe.each(KERNEL_VERSIONS)('T56 the token as a feature on %s', (kernel) => {
  const token = Uint8Array.from({ length: 16 }, (_, at) => 0x10 + at)
  const text = '10111213-1415-1617-1819-1a1b1c1d1e1f'

  test('a physical function takes it, and shows it to nobody', () => {
    const { host, device } = bench(kernel, 'pf')
    expect(use(device, GET | PCI_VF_TOKEN, token)).toBe('EINVAL')
    expect(use(device, PROBE | SET | PCI_VF_TOKEN)).toBe(0)
    expect(use(device, SET | PCI_VF_TOKEN, token.subarray(0, 15))).toBe('EINVAL')
    expect(failure(() => host.guest().openWith('vf', text))).toBe('EACCES')
    expect(use(device, SET | PCI_VF_TOKEN, token)).toBe(0)
    expect(failure(() => host.guest().openWith('vf', text))).toBeUndefined()
  })

  test('any other function has none', () => {
    const { device } = bench(kernel)
    expect([use(device, GET | PCI_VF_TOKEN, token), use(device, PROBE | PCI_VF_TOKEN)]).toEqual([
      'ENOTTY',
      'ENOTTY',
    ])
  })
})
