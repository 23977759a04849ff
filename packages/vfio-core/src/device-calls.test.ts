import type { Operation } from '@vfiokit/locking'
import {
  callsOf,
  DEVICE_IOCTL,
  DeviceCalls,
  HOT_RESET_INFO,
  openDeviceIn,
  openGroup,
  type ProcessCalls,
  REGION_INFO,
  VfioError,
} from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { CONTROL_REGION, MEMORY_REGION, REGION_SPAN } from './fixtures/fake-device.ts'
import { machine, now, thrownBy } from './fixtures/machine.ts'

/** The same client, over the operations of the engine and over the calls of a live process. */
describe.each(['operations', 'a live process'])('a device over %s', (way) => {
  function started() {
    const made = machine()
    const calls: ProcessCalls =
      way === 'operations' ? made.core.process('p') : callsOf(made.host.process('p'))
    const group = now(openGroup(calls, 1))
    return { ...made, calls, group, device: now(openDeviceIn(calls, group, 'd0')) }
  }

  test('tells its info', () => {
    expect(now(started().device.info())).toEqual({ flags: 3, regionCount: 10, irqCount: 5 })
  })

  test('tells its regions, asking again with room for the capabilities', () => {
    const { device } = started()
    expect(now(device.regionInfo(0))).toEqual({
      index: 0,
      flags: 3,
      sizeBytes: 0x8000,
      offset: 0,
      capabilities: [],
    })
    const { capabilities, ...rest } = now(device.regionInfo(MEMORY_REGION))
    expect(rest).toEqual({ index: 9, flags: 15, sizeBytes: 0x4000, offset: 9 * REGION_SPAN })
    expect(capabilities.map(({ id, body }) => [id, [...body]])).toEqual([[2, [1, 0, 0, 0, 2, 0, 0, 0]]])
    expect(thrownBy(() => now(device.regionInfo(5)))).toMatchObject({ errno: 'EINVAL' })
  })

  test('reads and writes regions, maps and resets', () => {
    const { device, calls, drivers } = started()
    expect(now(device.write(0, 4, Uint8Array.of(1, 2)))).toBe(2)
    const out = new Uint8Array(4)
    expect(now(device.read(0, 2, out))).toBe(4)
    expect([...out]).toEqual([0, 0, 1, 2])
    expect(now(device.read(CONTROL_REGION, 0, out))).toBe(1)
    const address = now(device.mmap(0, 0x1000, 0x1000, 'bar'))
    now(
      (function* (): Operation<void> {
        yield* calls.store(address + 5, Uint8Array.of(6))
      })(),
    )
    expect(drivers[0]!.bar[0x1005]).toBe(6)
    expect([...drivers[0]!.device.mappings].map(({ id }) => id)).toEqual(['bar'])
    now(device.reset())
    expect([drivers[0]!.bar[0x1005], drivers[0]!.device.presentBarPages]).toEqual([0, 0])
  })

  test('tells what a hot reset hits and resets it with the groups it is given', () => {
    const { device, drivers, group } = started()
    expect(now(device.hotResetInfo())).toEqual([
      { groupId: 1, segment: 0, bus: 1, devfn: 0 },
      { groupId: 1, segment: 0, bus: 1, devfn: 1 },
    ])
    now(device.hotReset([group, group]))
    expect(drivers[0]!.hotResetFds).toEqual([group, group])
    now(device.hotReset([]))
    expect(drivers[0]!.hotResetFds).toEqual([])
    expect(thrownBy(() => now(device.hotReset([99])))).toMatchObject({ errno: 'EBADF' })
  })

  test('closes', () => {
    const { device, drivers } = started()
    now(device.close())
    expect(drivers[0]!.log).toEqual(['enable', 'disable'])
    expect(thrownBy(() => now(device.info()))).toMatchObject({ errno: 'EBADF' })
  })

  test('of a group that cannot be opened leaves no descriptor behind', () => {
    const { core, host } = machine()
    core.addGroup(2, () => undefined)
    const calls: ProcessCalls = way === 'operations' ? core.process('p') : callsOf(host.process('p'))
    expect(thrownBy(() => now(openGroup(calls, 2)))).toMatchObject({ errno: 'ENOENT' })
    expect([...core.process('p').process.files.keys()]).toEqual([0, 1, 2])
    const group = now(openGroup(calls, 1))
    expect(thrownBy(() => now(openGroup(calls, 1)))).toMatchObject({ errno: 'EBUSY' })
    expect(thrownBy(() => now(openDeviceIn(calls, group, 'none')))).toMatchObject({ errno: 'ENODEV' })
    expect([...core.process('p').process.files.keys()]).toEqual([0, 1, 2, group])
  })

  test('of a group that takes no container leaves no descriptor behind', () => {
    const { core, host } = machine({ devices: [] })
    expect(core.groups.size).toBe(0)
    const shared = core.addGroup(2, () => 'e1000')
    shared.add({ id: 'd' } as never)
    const calls: ProcessCalls = way === 'operations' ? core.process('p') : callsOf(host.process('p'))
    expect(thrownBy(() => now(openGroup(calls, 2)))).toMatchObject({ errno: 'EPERM' })
    expect([...core.process('p').process.files.keys()]).toEqual([0, 1, 2])
    expect(shared.opened).toBeUndefined()
  })
})

/** Calls of a host that answers ioctls as a test says. */
function answering(ioctl: (request: number, argument: Uint8Array) => void): DeviceCalls {
  const calls = callsOf(machine().host.process('p'))
  return new DeviceCalls(
    {
      ...calls,
      // biome-ignore lint/correctness/useYield: it answers at once
      *ioctl(_fd: number, request: number, argument: Uint8Array = new Uint8Array()): Operation<number> {
        ioctl(request, argument)
        return 0
      },
    },
    3,
  )
}

describe('a device of some other host', () => {
  test('is asked for a region at most twice, whatever it needs', () => {
    const asked: number[] = []
    const device = answering((request, argument) => {
      expect(request).toBe(DEVICE_IOCTL.DEVICE_GET_REGION_INFO)
      asked.push(argument.length)
      REGION_INFO.write(argument, { argsz: argument.length + 16, flags: 8, cap_offset: 0, size: 1n })
    })
    expect(now(device.regionInfo(9))).toMatchObject({ flags: 8, sizeBytes: 1, capabilities: [] })
    expect(asked).toEqual([32, 48])
  })

  test('cannot have a region whose size is rounded', () => {
    const device = answering((_request, argument) => REGION_INFO.write(argument, { size: 2n ** 53n + 1n }))
    expect(() => now(device.regionInfo(0))).toThrow(RangeError)
  })

  test('may refuse hot reset info for another reason than room', () => {
    const device = answering(() => {
      throw new VfioError('ENODEV', 'no-reset', 'root bus')
    })
    expect(thrownBy(() => now(device.hotResetInfo()))).toMatchObject({ errno: 'ENODEV' })
    const none = answering((_request, argument) => HOT_RESET_INFO.write(argument, { count: 0 }))
    expect(now(none.hotResetInfo())).toEqual([])
  })
})
