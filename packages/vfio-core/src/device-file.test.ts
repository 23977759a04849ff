import { runLive } from '@vfiokit/locking'
import { unmapRange, vmaList } from '@vfiokit/locking-strategies'
import { DEVICE_IOCTL, DeviceFile, openDeviceIn, openGroup } from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { REGION_SPAN } from './fixtures/fake-device.ts'
import { machine, now, opened, RW, thrownBy } from './fixtures/machine.ts'

describe.each([unmapRange, vmaList])('opening and closing under $name', (strategy) => {
  test('enables at the first open and disables at the last close, once each', () => {
    const { core, drivers } = machine({ strategy })
    const calls = core.process('p')
    const group = now(openGroup(calls, 1))
    const first = now(openDeviceIn(calls, group, 'd0'))
    const second = now(openDeviceIn(calls, group, 'd0'))
    const { device, log } = drivers[0]!
    expect([log, device.cells.openCount.peek(), device.lifecycle.state]).toEqual([['enable'], 2, 'open'])
    now(first.close())
    expect([log, device.cells.openCount.peek(), device.lifecycle.state]).toEqual([['enable'], 1, 'open'])
    now(second.close())
    expect([log, device.cells.openCount.peek(), device.lifecycle.state]).toEqual([
      ['enable', 'disable'],
      0,
      'closed',
    ])
    now(now(openDeviceIn(calls, group, 'd0')).close())
    expect(log).toEqual(['enable', 'disable', 'enable', 'disable'])
    expect(drivers[1]!.log).toEqual([])
    expect(core.locks.busy()).toEqual([])
  })

  test('a failing enable leaves the device closed and the next open tries again', () => {
    const { core, drivers } = machine({ strategy })
    const calls = core.process('p')
    const group = now(openGroup(calls, 1))
    const { device, enableErrnos, log } = drivers[0]!
    enableErrnos.push('EAGAIN')
    expect(thrownBy(() => now(openDeviceIn(calls, group, 'd0')))).toMatchObject({
      errno: 'EAGAIN',
      reason: 'open-failed',
    })
    expect([device.cells.openCount.peek(), device.lifecycle.state]).toEqual([0, 'closed'])
    expect(core.locks.busy()).toEqual([])
    now(now(openDeviceIn(calls, group, 'd0')).close())
    expect(log).toEqual(['enable', 'enable', 'disable'])
  })

  test('a disable that throws closes the device all the same, and the others too', () => {
    const { core, drivers } = machine({ strategy })
    const calls = core.process('p')
    now(opened(calls, ['d0', 'd1']))
    drivers[0]!.disableThrows = new Error('broken')
    expect(thrownBy(() => now(calls.exit()))).toBe(drivers[0]!.disableThrows)
    expect(drivers[1]!.log).toEqual(['enable', 'disable'])
    expect(drivers[0]!.device.lifecycle.state).toBe('closed')
    expect(core.groups.get(1)!.opened).toBeUndefined()
    expect([...calls.process.files.keys()]).toEqual([])
    expect(core.locks.busy()).toEqual([])
  })

  test('a mapping keeps a closed device open until munmap, and its group with it', () => {
    const { core, drivers } = machine({ strategy })
    const calls = core.process('p')
    const [device] = now(opened(calls, ['d0']))
    const address = now(device!.mmap(0, 0, 0x1000))
    now(calls.store(address, Uint8Array.of(7)))
    for (const fd of [...calls.process.files.keys()]) now(calls.close(fd))
    expect(drivers[0]!.log).toEqual(['enable'])
    expect(drivers[0]!.bar[0]).toBe(7)
    now(calls.load(address, new Uint8Array(4)))
    expect(thrownBy(() => now(calls.open('/dev/vfio/1')))).toMatchObject({ errno: 'EBUSY' })
    now(calls.munmap(address, 0x1000))
    expect(drivers[0]!.log).toEqual(['enable', 'disable'])
    expect(drivers[0]!.device.presentBarPages).toBe(0)
    now(calls.open('/dev/vfio/1'))
    expect(core.locks.busy()).toEqual([])
  })

  test('a part of a mapping is enough to keep it open', () => {
    const { core, drivers } = machine({ strategy })
    const calls = core.process('p')
    const [device] = now(opened(calls, ['d0']))
    const address = now(device!.mmap(0, 0, 0x4000))
    now(device!.close())
    now(calls.munmap(address + 0x1000, 0x1000))
    now(calls.munmap(address, 0x1000))
    expect(drivers[0]!.log).toEqual(['enable'])
    now(calls.munmap(address, 0x4000))
    expect(drivers[0]!.log).toEqual(['enable', 'disable'])
  })

  test('every process that has the file keeps it open: fork, send, exit', () => {
    const { core, drivers } = machine({ strategy })
    const parent = core.process('parent')
    const [device] = now(opened(parent, ['d0']))
    const address = now(device!.mmap(0, 0, 0x1000))
    const child = now(parent.fork('child'))
    const other = core.process('other')
    const sent = parent.send(device!.fd, other)
    expect(sent).toBe(3)
    expect(other.process.file(sent)).toBe(parent.process.file(device!.fd))
    now(parent.exit())
    expect(drivers[0]!.log).toEqual(['enable'])
    now(child.store(address, Uint8Array.of(5)))
    expect(drivers[0]!.bar[0]).toBe(5)
    now(child.exit())
    expect(drivers[0]!.log).toEqual(['enable'])
    const out = new Uint8Array(1)
    expect(now(other.pread(sent, out, 0))).toBe(1)
    expect(out[0]).toBe(5)
    now(other.exit())
    expect(drivers[0]!.log).toEqual(['enable', 'disable'])
    expect(core.groups.get(1)!.opened).toBeUndefined()
    expect(core.locks.busy()).toEqual([])
  })
})

describe('an open device', () => {
  test('is read and written through its driver; nothing at any offset is 0', () => {
    const { core, drivers } = machine()
    const calls = core.process('p')
    const [device] = now(opened(calls, ['d0']))
    expect(now(device!.write(0, 0x10, Uint8Array.of(1, 2, 3)))).toBe(3)
    expect([...drivers[0]!.bar.subarray(0x10, 0x13)]).toEqual([1, 2, 3])
    expect(now(device!.read(5, 0, new Uint8Array(0)))).toBe(0)
    expect(now(device!.write(99, 0, new Uint8Array(0)))).toBe(0)
    expect(thrownBy(() => now(device!.read(5, 0, new Uint8Array(1))))).toMatchObject({ errno: 'EINVAL' })
  })

  test('refuses an offset below 0 before the descriptor, and what is no offset at all', () => {
    const calls = machine().core.process('p')
    expect(thrownBy(() => now(calls.pread(99, new Uint8Array(1), -1)))).toMatchObject({ errno: 'EINVAL' })
    expect(thrownBy(() => now(calls.pwrite(99, new Uint8Array(1), 0)))).toMatchObject({ errno: 'EBADF' })
    for (const offset of [Number.NaN, 0.5])
      expect(() => now(calls.pread(99, new Uint8Array(1), offset))).toThrow(RangeError)
  })

  test('reaches no region from 2^53 on, and an offset with the sign bit is negative', () => {
    const calls = machine().core.process('p')
    const errno = (offset: number) => thrownBy(() => now(calls.pread(99, new Uint8Array(1), offset)))
    expect(errno(2 ** 63)).toMatchObject({ errno: 'EINVAL' })
    expect(errno(2 ** 53)).toMatchObject({ errno: 'EBADF' })
    const [device] = now(opened(calls, ['d0']))
    expect(thrownBy(() => now(calls.pread(device!.fd, new Uint8Array(1), 2 ** 53)))).toMatchObject({
      errno: 'EINVAL',
    })
  })

  test('does nothing before its operation is run', () => {
    const { core, drivers } = machine()
    const calls = core.process('p')
    const [device] = now(opened(calls, ['d0']))
    const close = device!.close()
    const again = calls.close(device!.fd)
    expect(calls.process.file(device!.fd)).toBeInstanceOf(DeviceFile)
    now(close)
    expect(drivers[0]!.log).toEqual(['enable', 'disable'])
    expect(thrownBy(() => now(again))).toMatchObject({ errno: 'EBADF' })
  })

  test('is closed under the lock of its group, then the one of its set', async () => {
    const { core, drivers } = machine()
    const calls = core.process('p')
    const [device] = now(opened(calls, ['d0']))
    const { group } = drivers[0]!.device
    group.lock.tryTake('write')
    const closing = runLive(device!.close())
    expect(drivers[0]!.log).toEqual(['enable'])
    group.lock.drop('write')
    await closing
    expect(drivers[0]!.log).toEqual(['enable', 'disable'])
  })

  test('cannot be opened any more once it is going away, also for one who waited', async () => {
    const { core, drivers } = machine()
    const calls = core.process('p')
    const group = now(openGroup(calls, 1))
    const { device, log } = drivers[0]!
    const { mutex } = device.set.state as {
      mutex: { tryTake(mode: 'write'): boolean; drop(mode: 'write'): void }
    }
    mutex.tryTake('write')
    const open = runLive(openDeviceIn(calls, group, 'd0'))
    device.lifecycle.handle('unregister')
    mutex.drop('write')
    await expect(open).rejects.toMatchObject({ errno: 'ENODEV' })
    expect(log).toEqual([])
    expect(thrownBy(() => now(openDeviceIn(calls, group, 'd0')))).toMatchObject({ errno: 'ENODEV' })
    expect(core.locks.busy()).toEqual([])
  })

  test('answers ioctls through its driver', () => {
    const { core, drivers } = machine()
    const calls = core.process('p')
    const [device] = now(opened(calls, ['d0']))
    drivers[0]!.bar.fill(9)
    now(calls.ioctl(device!.fd, DEVICE_IOCTL.DEVICE_RESET))
    expect(drivers[0]!.bar.every((byte) => byte === 0)).toBe(true)
    expect(thrownBy(() => now(calls.ioctl(device!.fd, 0)))).toMatchObject({ errno: 'ENOTTY' })
  })

  test('maps what its driver admits, and nothing else', () => {
    const calls = machine().core.process('p')
    const [device] = now(opened(calls, ['d0']))
    const private_ = { fd: device!.fd, offset: 0, lengthBytes: 1, protection: RW, shared: false }
    expect(thrownBy(() => now(calls.mmap(private_)))).toMatchObject({ errno: 'EINVAL' })
    const beyond = { ...private_, shared: true, offset: 2 * REGION_SPAN }
    expect(thrownBy(() => now(calls.mmap(beyond)))).toMatchObject({ errno: 'EINVAL' })
    expect(calls.process.vmas).toEqual([])
  })
})
