import { unmapRange } from '@vfiokit/locking-strategies'
import {
  CONTAINER_IOCTL,
  type EngineCalls,
  FILE_DESCRIPTOR,
  GROUP_FLAGS,
  GROUP_IOCTL,
  GROUP_STATUS,
  KERNEL_VERSIONS,
  type KernelVersion,
  kernelProfile,
  VfioCore,
} from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { addFakeDevice } from './fixtures/fake-device.ts'
import { machine, now, opened, thrownBy } from './fixtures/machine.ts'

const integer = (fd: number) => FILE_DESCRIPTOR.encode({ fd })
const named = (text: string) => new TextEncoder().encode(`${text}\0`)

function status(calls: EngineCalls, group: number): number {
  const argument = GROUP_STATUS.encode({ argsz: 8 })
  now(calls.ioctl(group, GROUP_IOCTL.GROUP_GET_STATUS, argument))
  return GROUP_STATUS.decode(argument).flags
}

/** Group 2, whose other member a driver `e1000` owns while `foreign` says so. */
function sharedGroup(kernel: KernelVersion): { calls: EngineCalls; group: number; container: number } {
  const core = new VfioCore({ strategy: unmapRange, profile: kernelProfile(kernel) })
  core.addGroup(2, () => 'e1000')
  addFakeDevice(core, 'd0', 2)
  const calls = core.process('p')
  const group = now(calls.open('/dev/vfio/2'))
  return { calls, group, container: now(calls.open('/dev/vfio/vfio')) }
}

describe('opening a group', () => {
  test.each(['/dev/vfio/3', '/dev/vfio/01', '/dev/vfio/-1', '/dev/vfio/', '/dev/null', ''])(
    'answers ENOENT for %s',
    (path) => {
      expect(thrownBy(() => now(machine().core.process('p').open(path)))).toMatchObject({ errno: 'ENOENT' })
    },
  )

  test('answers ENOENT while vfio drives nothing in it: it has no node', () => {
    const { core } = machine()
    core.addGroup(5, () => undefined)
    expect(thrownBy(() => now(core.process('p').open('/dev/vfio/5')))).toMatchObject({ errno: 'ENOENT' })
  })

  test('answers ENODEV when its last device went while the opener waited', async () => {
    const { core, host, drivers } = machine({ devices: ['d0'] })
    const group = core.groups.get(1)!
    group.lock.tryTake('write')
    const open = host.process('p').open('/dev/vfio/1')
    group.remove(drivers[0]!.device)
    group.lock.drop('write')
    await expect(open).rejects.toMatchObject({ errno: 'ENODEV' })
    expect(core.locks.busy()).toEqual([])
  })

  test('works once, until it is closed, also for another process', () => {
    const { core } = machine()
    const first = now(core.process('p').open('/dev/vfio/1'))
    expect(thrownBy(() => now(core.process('q').open('/dev/vfio/1')))).toMatchObject({ errno: 'EBUSY' })
    now(core.process('p').close(first))
    expect(now(core.process('q').open('/dev/vfio/1'))).toBe(3)
  })
})

describe('a group file', () => {
  test('answers ENOTTY for ioctls of other files, and cannot be read, written or mapped', () => {
    const calls = machine().core.process('p')
    const group = now(calls.open('/dev/vfio/1'))
    const map = {
      fd: group,
      offset: 0,
      lengthBytes: 1,
      protection: { read: true, write: true, execute: false },
      shared: true,
    }
    expect(thrownBy(() => now(calls.ioctl(group, CONTAINER_IOCTL.SET_IOMMU)))).toMatchObject({
      errno: 'ENOTTY',
    })
    expect(thrownBy(() => now(calls.pread(group, new Uint8Array(1), 0)))).toMatchObject({ errno: 'EINVAL' })
    expect(thrownBy(() => now(calls.pwrite(group, new Uint8Array(0), 0)))).toMatchObject({ errno: 'EINVAL' })
    expect(thrownBy(() => now(calls.mmap(map)))).toMatchObject({ errno: 'ENODEV' })
  })

  test('answers EFAULT where the argument ends before its struct or string does', () => {
    const calls = machine().core.process('p')
    const group = now(calls.open('/dev/vfio/1'))
    const faults = [
      [GROUP_IOCTL.GROUP_GET_STATUS, new Uint8Array(7)],
      [GROUP_IOCTL.GROUP_SET_CONTAINER, new Uint8Array(3)],
      [GROUP_IOCTL.GROUP_GET_DEVICE_FD, new TextEncoder().encode('d0')],
      [GROUP_IOCTL.GROUP_GET_DEVICE_FD, new Uint8Array(0)],
    ] as const
    for (const [request, argument] of faults)
      expect(thrownBy(() => now(calls.ioctl(group, request, argument)))).toMatchObject({ errno: 'EFAULT' })
    const long = named('d'.repeat(4096))
    expect(thrownBy(() => now(calls.ioctl(group, GROUP_IOCTL.GROUP_GET_DEVICE_FD, long)))).toMatchObject({
      errno: 'EINVAL',
    })
  })

  test('accepts an argsz that is larger than its struct', () => {
    const calls = machine().core.process('p')
    const group = now(calls.open('/dev/vfio/1'))
    const argument = GROUP_STATUS.encode({ argsz: 4096, flags: 0xff })
    expect(now(calls.ioctl(group, GROUP_IOCTL.GROUP_GET_STATUS, argument))).toBe(0)
    expect(GROUP_STATUS.decode(argument)).toEqual({ argsz: 4096, flags: GROUP_FLAGS.VIABLE })
  })

  test('that closes leaves its container without IOMMU type, and free for it to come back', () => {
    const calls = machine().core.process('p')
    const container = now(calls.open('/dev/vfio/vfio'))
    for (const type of [1, 3]) {
      const group = now(calls.open('/dev/vfio/1'))
      now(calls.ioctl(group, GROUP_IOCTL.GROUP_SET_CONTAINER, integer(container)))
      now(calls.ioctl(container, CONTAINER_IOCTL.SET_IOMMU, integer(type)))
      now(calls.close(group))
      expect(
        thrownBy(() => now(calls.ioctl(container, CONTAINER_IOCTL.SET_IOMMU, integer(type)))),
      ).toMatchObject({
        errno: 'EINVAL',
        reason: 'no-container',
      })
    }
  })

  test('works on with a container whose descriptor is closed', () => {
    const { core } = machine()
    const calls = core.process('p')
    const [device] = now(opened(calls, ['d0']))
    expect([...calls.process.files.values()].map(({ title }) => title)).not.toContain('container')
    expect(device!.fd).toBeGreaterThan(2)
    expect(core.groups.get(1)!.container?.iommuType).toBe(3)
  })

  test('unsets its container only while no device is open; the last group takes the IOMMU along', () => {
    const { core } = machine({ devices: ['d0'] })
    addFakeDevice(core, 'e0', 7)
    const calls = core.process('p')
    const container = now(calls.open('/dev/vfio/vfio'))
    const [one, seven] = ['/dev/vfio/1', '/dev/vfio/7'].map((path) => now(calls.open(path))) as [
      number,
      number,
    ]
    const unset = (group: number) => now(calls.ioctl(group, GROUP_IOCTL.GROUP_UNSET_CONTAINER))
    expect(thrownBy(() => unset(one))).toMatchObject({ errno: 'EINVAL' })
    for (const group of [one, seven])
      now(calls.ioctl(group, GROUP_IOCTL.GROUP_SET_CONTAINER, integer(container)))
    now(calls.ioctl(container, CONTAINER_IOCTL.SET_IOMMU, integer(1)))
    const device = now(calls.ioctl(seven, GROUP_IOCTL.GROUP_GET_DEVICE_FD, named('e0')))
    expect(thrownBy(() => unset(seven))).toMatchObject({ errno: 'EBUSY' })
    unset(one)
    now(calls.close(device))
    now(calls.close(now(calls.ioctl(seven, GROUP_IOCTL.GROUP_GET_DEVICE_FD, named('e0')))))
    unset(seven)
    expect(thrownBy(() => unset(seven))).toMatchObject({ errno: 'EINVAL' })
    now(calls.ioctl(one, GROUP_IOCTL.GROUP_SET_CONTAINER, integer(container)))
    expect(thrownBy(() => now(calls.ioctl(one, GROUP_IOCTL.GROUP_GET_DEVICE_FD, named('d0'))))).toMatchObject(
      {
        reason: 'no-container',
      },
    )
  })
})

describe('a group with a foreign driver', () => {
  test.each(KERNEL_VERSIONS.filter((kernel) => kernel !== '5.10'))('gets no container on %s', (kernel) => {
    const { calls, group, container } = sharedGroup(kernel)
    expect(status(calls, group)).toBe(0)
    const set = () => now(calls.ioctl(group, GROUP_IOCTL.GROUP_SET_CONTAINER, integer(container)))
    expect(thrownBy(set)).toMatchObject({ errno: 'EPERM', reason: 'group-not-viable' })
    expect(status(calls, group)).toBe(0)
  })

  test('gets a container on 5.10, but no device', () => {
    const { calls, group, container } = sharedGroup('5.10')
    now(calls.ioctl(group, GROUP_IOCTL.GROUP_SET_CONTAINER, integer(container)))
    now(calls.ioctl(container, CONTAINER_IOCTL.SET_IOMMU, integer(1)))
    expect(status(calls, group)).toBe(GROUP_FLAGS.CONTAINER_SET)
    expect(
      thrownBy(() => now(calls.ioctl(group, GROUP_IOCTL.GROUP_GET_DEVICE_FD, named('d0')))),
    ).toMatchObject({
      errno: 'EINVAL',
      reason: 'group-not-viable',
    })
  })
})

describe('the order of checks', () => {
  test.each([
    ['5.10', 'EINVAL', 'EINVAL'],
    ['6.1', 'EBADF', 'ENODEV'],
    ['7.2', 'EBADF', 'ENODEV'],
  ] as const)(
    'on %s: a bad descriptor for a second container %s, a bad name without container %s',
    (kernel, fd, name) => {
      const calls = machine({ kernel }).core.process('p')
      const group = now(calls.open('/dev/vfio/1'))
      expect(
        thrownBy(() => now(calls.ioctl(group, GROUP_IOCTL.GROUP_GET_DEVICE_FD, named('none')))),
      ).toMatchObject({
        errno: name,
      })
      const container = now(calls.open('/dev/vfio/vfio'))
      now(calls.ioctl(group, GROUP_IOCTL.GROUP_SET_CONTAINER, integer(container)))
      expect(
        thrownBy(() => now(calls.ioctl(group, GROUP_IOCTL.GROUP_SET_CONTAINER, integer(99)))),
      ).toMatchObject({
        errno: fd,
      })
    },
  )
})

describe('a container', () => {
  const EXTENSIONS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 100]
  test.each([
    ['5.10', [1, 3, 6], []],
    ['6.1', [1, 3, 6, 9], [10]],
    ['6.12', [1, 3, 6, 9], [10]],
    ['7.2', [1, 3, 9], [10]],
  ] as const)('on %s has the extensions %j, and %j once it has a type', (kernel, always, later) => {
    const calls = machine({ kernel }).core.process('p')
    const container = now(calls.open('/dev/vfio/vfio'))
    const yes = () =>
      EXTENSIONS.filter((number) =>
        now(calls.ioctl(container, CONTAINER_IOCTL.CHECK_EXTENSION, integer(number))),
      )
    expect(yes()).toEqual(always)
    const group = now(calls.open('/dev/vfio/1'))
    now(calls.ioctl(group, GROUP_IOCTL.GROUP_SET_CONTAINER, integer(container)))
    expect(yes()).toEqual(always)
    now(calls.ioctl(container, CONTAINER_IOCTL.SET_IOMMU, integer(3)))
    expect(yes()).toEqual([...always, ...later])
  })

  test.each([
    ['5.10', 9, 'ENODEV'],
    ['5.10', 6, 'ENODEV'],
    ['6.1', 9, 'EINVAL'],
    ['6.12', 6, 'EINVAL'],
    ['7.2', 9, 'EINVAL'],
    ['7.2', 6, 'ENODEV'],
    ['7.2', 10, 'ENODEV'],
    ['7.2', 0, 'ENODEV'],
    ['7.2', 99, 'ENODEV'],
  ] as const)('on %s refuses type %i with %s', (kernel, type, errno) => {
    const calls = machine({ kernel }).core.process('p')
    const container = now(calls.open('/dev/vfio/vfio'))
    const group = now(calls.open('/dev/vfio/1'))
    now(calls.ioctl(group, GROUP_IOCTL.GROUP_SET_CONTAINER, integer(container)))
    expect(
      thrownBy(() => now(calls.ioctl(container, CONTAINER_IOCTL.SET_IOMMU, integer(type)))),
    ).toMatchObject({ errno })
  })

  test('answers unknown ioctls EINVAL without IOMMU, ENOTTY with one', () => {
    const { core } = machine()
    const calls = core.process('p')
    const container = now(calls.open('/dev/vfio/vfio'))
    const unknown = () => thrownBy(() => now(calls.ioctl(container, 0x3bff)))
    expect(unknown()).toMatchObject({ errno: 'EINVAL' })
    const group = now(calls.open('/dev/vfio/1'))
    now(calls.ioctl(group, GROUP_IOCTL.GROUP_SET_CONTAINER, integer(container)))
    now(calls.ioctl(container, CONTAINER_IOCTL.SET_IOMMU, integer(1)))
    expect(unknown()).toMatchObject({ errno: 'ENOTTY' })
  })
})
