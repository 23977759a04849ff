import { deviceCells, type LockingStrategy } from '@vfiokit/locking'
import { unmapRange } from '@vfiokit/locking-strategies'
import {
  AddressSpaceLayout,
  REGION_PAGES,
  VfioCore,
  VfioDevice,
  VfioError,
  VfioSignal,
} from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { addFakeDevice, FakeDriver } from './fixtures/fake-device.ts'

const withSpaces = (addressSpaces: LockingStrategy<unknown, unknown>['addressSpaces']) => ({
  ...unmapRange,
  addressSpaces,
})

function unregistered(core: VfioCore, id: string): VfioDevice {
  const cells = deviceCells(id, { ignoresMemoryBit: false, ignoresPower: false })
  const group = core.groups.get(1) ?? core.addGroup(1, () => undefined)
  return new VfioDevice({ id, group, set: core.deviceSet('slot'), cells, make: core.locks })
}

describe('a device', () => {
  test('has no driver before it is registered, and is registered once', () => {
    const core = new VfioCore({ strategy: unmapRange })
    const device = unregistered(core, 'd0')
    expect(() => device.driver).toThrow(TypeError)
    expect(device.set.devices).toEqual([])
    const driver = new FakeDriver(device)
    device.register(driver)
    expect([device.driver, [...device.set.devices], [...device.group.devices.keys()]]).toEqual([
      driver,
      [device],
      ['d0'],
    ])
    expect(() => device.register(driver)).toThrow(TypeError)
  })

  test.each(['', 'a b', 'a\0'])('cannot have the name "%s"', (id) => {
    expect(() => unregistered(new VfioCore({ strategy: unmapRange }), id)).toThrow(TypeError)
  })

  test('has a name of its own in its group and its host', () => {
    const core = new VfioCore({ strategy: unmapRange })
    addFakeDevice(core, 'd0')
    const twin = unregistered(core, 'd0')
    expect(() => twin.register(new FakeDriver(twin))).toThrow(TypeError)
    expect(() => core.addDevice(twin)).toThrow(TypeError)
    expect(() => core.addGroup(1, () => undefined)).toThrow(TypeError)
  })

  test('has a place of its own in a shared address space, even before it is registered', () => {
    const core = new VfioCore({ strategy: withSpaces('per-set-with-ordinals') })
    const devices = ['d0', 'd1', 'd2'].map((id) => unregistered(core, id))
    expect(new Set(devices.map(({ layout }) => layout.place(0, true))).size).toBe(3)
    expect(new Set(devices.map(({ addressSpace }) => addressSpace)).size).toBe(1)
  })

  test('zaps what goes with its memory where its layout put it', () => {
    const core = new VfioCore({ strategy: withSpaces('per-set-with-ordinals') })
    addFakeDevice(core, 'd0')
    const { device } = addFakeDevice(core, 'd1')
    const start = 64 * REGION_PAGES
    expect(device.zapRanges).toEqual([{ first: start, last: start + REGION_PAGES - 1 }])
  })
})

describe('an address space layout', () => {
  test.each(['per-device', 'per-set'] as const)('%s leaves pages where the user sees them', (kind) => {
    const layout = new AddressSpaceLayout(kind, 7)
    for (const page of [0, 5, REGION_PAGES, 9 * REGION_PAGES + 3, 2000 * REGION_PAGES])
      expect([layout.place(page, true), layout.place(page, false)]).toEqual([page, page])
  })

  test('with ordinals keeps all zappable pages of a set together and memory-backed ones outside', () => {
    const corners = [0, 6 * REGION_PAGES - 1, 9 * REGION_PAGES, 64 * REGION_PAGES - 1]
    const places = (follows: boolean) =>
      [0, 1, 2, 1023].flatMap((ordinal) => {
        const layout = new AddressSpaceLayout('per-set-with-ordinals', ordinal)
        return corners.map((page) => layout.place(page, follows))
      })
    const zappable = places(true)
    const others = places(false)
    expect(new Set([...zappable, ...others]).size).toBe(2 * zappable.length)
    expect(zappable).toEqual([...zappable].sort((one, other) => one - other))
    expect(Math.max(...zappable)).toBeLessThan(Math.min(...others))
    expect(Math.max(...others)).toBeLessThan(Number.MAX_SAFE_INTEGER)
    // Neighbours touch: the last page of one device is followed by the first of the next.
    expect(new AddressSpaceLayout('per-set-with-ordinals', 1).place(0, true)).toBe(
      new AddressSpaceLayout('per-set-with-ordinals', 0).place(64 * REGION_PAGES - 1, true) + 1,
    )
  })

  test('with ordinals has room for 1024 devices of 64 regions', () => {
    expect(() => new AddressSpaceLayout('per-set-with-ordinals', 1024)).toThrow(RangeError)
    expect(() => new AddressSpaceLayout('per-set-with-ordinals', 0).place(64 * REGION_PAGES, true)).toThrow(
      RangeError,
    )
    expect(new AddressSpaceLayout('per-set', 1024).ordinal).toBe(1024)
  })
})

describe('a core', () => {
  test('makes sets and processes by name, once each', () => {
    const core = new VfioCore({ strategy: unmapRange })
    expect(core.deviceSet('a')).toBe(core.deviceSet('a'))
    expect(core.deviceSet('b')).not.toBe(core.deviceSet('a'))
    expect(core.process('p')).toBe(core.process('p'))
    expect([...core.processes.keys()]).toEqual(['p'])
    expect(core.profile.version).toBe('7.2')
  })

  test('marks mmap_lock and the read side as locks that a fault takes', () => {
    const core = new VfioCore({ strategy: unmapRange })
    const { device } = addFakeDevice(core, 'd0')
    expect(core.process('p').process.mmapLock.takenByFault).toBe(true)
    expect(device.strategy.readSide(device).every(({ lock }) => lock.takenByFault)).toBe(true)
    expect(device.group.lock.takenByFault).toBe(false)
  })
})

describe('what calls throw', () => {
  test('is told by its kind, also if another copy of the package made it', () => {
    const error = new VfioError('EBUSY', 'contended', 'd0')
    expect([VfioError.is(error), VfioError.is(error, 'EBUSY'), VfioError.is(error, 'EIO')]).toEqual([
      true,
      true,
      false,
    ])
    expect([error.message, error.number, error.name]).toEqual(['EBUSY contended: d0', 16, 'VfioError'])
    const foreign = Object.assign(new Error('x'), { kind: '@vfiokit/VfioError', errno: 'EIO' })
    expect(VfioError.is(foreign, 'EIO')).toBe(true)
    for (const other of [new Error('x'), undefined, 'EIO', { kind: '@vfiokit/VfioError' }])
      expect(VfioError.is(other)).toBe(false)
  })

  test('is a signal when the process would not survive it', () => {
    const signal = new VfioSignal('SIGBUS', 2, 'page 0')
    expect([
      VfioSignal.is(signal),
      VfioSignal.is(signal, 'SIGBUS'),
      VfioSignal.is(signal, 'SIGSEGV'),
    ]).toEqual([true, true, false])
    expect(signal.message).toBe('SIGBUS: page 0')
    expect([
      VfioSignal.is(new VfioError('EIO', 'bad-fd', '')),
      VfioError.is(signal),
      VfioSignal.is(null),
    ]).toEqual([false, false, false])
  })
})
