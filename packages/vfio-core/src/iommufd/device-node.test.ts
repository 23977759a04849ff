import {
  ATTACH_IOMMUFD_PT,
  BIND_IOMMUFD,
  DETACH_IOMMUFD_PT,
  DEVICE_INFO,
  DEVICE_IOCTL,
  type EngineCalls,
  IOAS_MAP,
  IOAS_UNMAP,
  IOMMU_DESTROY,
  IOMMUFD_IOCTL,
  IommufdCalls,
  type KernelVersion,
  openDeviceIn,
  openGroup,
} from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { addFakeDevice } from '../fixtures/fake-device.ts'
import { machine, now, RW } from '../fixtures/machine.ts'
import { outcome } from '../fixtures/outcome.ts'

const WITH_NODES: readonly KernelVersion[] = ['6.12', '7.2']

/** A process with an iommufd, on a machine whose devices `d0`, `d1` are vfio0 and vfio1 of group 1. */
function bench(kernel: KernelVersion) {
  const { core, drivers } = machine({ kernel })
  const calls = core.process('p')
  const iommufd = now(IommufdCalls.open(calls))
  const node = (number: number, by: EngineCalls = calls) => now(by.open(`/dev/vfio/devices/vfio${number}`))
  const bind = (fd: number, { iommufd: to = iommufd.fd, flags = 0, argsz = 16 } = {}) => {
    const argument = BIND_IOMMUFD.encode({ argsz, flags, iommufd: to })
    return outcome(() => {
      now(calls.ioctl(fd, DEVICE_IOCTL.DEVICE_BIND_IOMMUFD, argument))
      return BIND_IOMMUFD.decode(argument).out_devid
    })
  }
  const info = (fd: number) =>
    outcome(() => now(calls.ioctl(fd, DEVICE_IOCTL.DEVICE_GET_INFO, DEVICE_INFO.encode({ argsz: 20 }))))
  return { core, drivers, calls, iommufd, node, bind, info }
}

test.each<KernelVersion>(['5.10', '6.1'])('%s has neither /dev/iommu nor nodes of devices', (kernel) => {
  const calls = machine({ kernel }).core.process('p')
  for (const path of ['/dev/iommu', '/dev/vfio/devices/vfio0'])
    expect(outcome(() => now(calls.open(path)))).toBe('ENOENT')
})

describe.each(WITH_NODES)('a device by its own node on %s', (kernel) => {
  test('T59 is of no use before it is bound', () => {
    const { calls, node, bind, info } = bench(kernel)
    const fd = node(0)
    const bytes = new Uint8Array(4)
    const map = { fd, offset: 0, lengthBytes: 0x1000, protection: RW, shared: true }
    expect(info(fd)).toBe('EINVAL')
    expect(outcome(() => now(calls.pread(fd, bytes, 0)))).toBe('EINVAL')
    expect(outcome(() => now(calls.pwrite(fd, bytes, 0)))).toBe('EINVAL')
    expect(outcome(() => now(calls.mmap(map)))).toBe('EINVAL')
    expect(bind(fd)).toBe(1)
    expect(info(fd)).toBe(0)
    expect(outcome(() => now(calls.mmap(map)))).toEqual(expect.any(Number))
  })

  test('T58 belongs to the file that bound it, and keeps the group from being opened', () => {
    const { calls, node, bind } = bench(kernel)
    const [first, second] = [node(0), node(0)]
    expect(bind(first)).toBe(1)
    expect([bind(second), bind(first)]).toEqual(['EINVAL', 'EINVAL'])
    expect(outcome(() => now(calls.open('/dev/vfio/1')))).toBe('EBUSY')
    now(calls.close(first))
    expect(bind(second)).toBe(2)
    now(calls.close(second))
    expect(outcome(() => now(calls.open('/dev/vfio/1')))).toEqual(expect.any(Number))
  })

  test('cannot be bound while the group is open, nor by a file that came from the group', () => {
    const { calls, node, bind } = bench(kernel)
    const group = now(openGroup(calls, 1))
    const { fd } = now(openDeviceIn(calls, group, 'd0'))
    expect(bind(node(0))).toBe('EBUSY')
    expect(bind(fd)).toBe('EINVAL')
  })

  test('what BIND is refused for, and then the group is free again', () => {
    const { calls, node, bind } = bench(kernel)
    const fd = node(0)
    const container = now(calls.open('/dev/vfio/vfio'))
    expect(bind(fd, { argsz: 12 })).toBe('EINVAL')
    expect(bind(fd, { iommufd: -1 })).toBe('EINVAL')
    expect(bind(fd, { flags: 2 })).toBe('EINVAL')
    expect(bind(fd, { iommufd: 99 })).toBe('EBADF')
    expect(bind(fd, { iommufd: container })).toBe('EBADFD')
    expect(outcome(() => now(calls.open('/dev/vfio/1')))).toEqual(expect.any(Number))
  })

  test('a driver that cannot enable it leaves it unbound', () => {
    const { core, drivers, node, bind } = bench(kernel)
    drivers[0]!.enableErrnos.push('EIO')
    expect(bind(node(0))).toBe('EIO')
    expect(bind(node(0))).toBe(1)
    expect(core.locks.busy()).toEqual([])
  })

  test('sees the memory of the address space that it is attached to', () => {
    const { core, calls, iommufd } = bench(kernel)
    const address = now(calls.mmap({ anonymous: true, lengthBytes: 0x2000, protection: RW, shared: false }))
    const ioas = now(iommufd.allocate())
    now(iommufd.map(ioas, { address, iova: 0x10000n, lengthBytes: 0x2000 }))
    const device = now(iommufd.device(0, ioas))
    now(calls.store(address + 0x1000, Uint8Array.of(7)))
    const seen = () => {
      const out = new Uint8Array(1)
      core.groups.get(1)!.domain?.frameAt(0x11, 'read')?.load(0, out)
      return out[0]
    }
    expect(seen()).toBe(7)
    const detach = DETACH_IOMMUFD_PT.encode({ argsz: 8 })
    now(calls.ioctl(device.fd, DEVICE_IOCTL.DEVICE_DETACH_IOMMUFD_PT, detach))
    expect(core.groups.get(1)!.domain).toBeUndefined()
  })

  test('moves to another address space, whoever of another group stays in the first', () => {
    const { core, calls, iommufd } = bench(kernel)
    const { device } = addFakeDevice(core, 'apart', 2)
    const [one, other] = [now(iommufd.allocate()), now(iommufd.allocate())]
    const { fd } = now(iommufd.device(0, one))
    now(iommufd.device(device.number!, one))
    const argument = ATTACH_IOMMUFD_PT.encode({ argsz: 12, pt_id: other })
    expect(outcome(() => now(calls.ioctl(fd, DEVICE_IOCTL.DEVICE_ATTACH_IOMMUFD_PT, argument)))).toBe(0)
    expect(core.groups.get(1)!.domain).not.toBe(core.groups.get(2)!.domain)
  })

  test('shares an address space with its group, or none', () => {
    const { calls, iommufd } = bench(kernel)
    const [one, other] = [now(iommufd.allocate()), now(iommufd.allocate())]
    now(iommufd.device(0, one))
    const second = now(iommufd.device(1))
    const attach = (pt_id: number, flags = 0) =>
      outcome(() =>
        now(
          calls.ioctl(
            second.fd,
            DEVICE_IOCTL.DEVICE_ATTACH_IOMMUFD_PT,
            ATTACH_IOMMUFD_PT.encode({ argsz: 12, flags, pt_id }),
          ),
        ),
      )
    // Objects 3 and 4 are the devices.
    expect([attach(other), attach(99), attach(3), attach(one, 1), attach(one)]).toEqual([
      'EINVAL',
      'ENOENT',
      'EINVAL',
      'EINVAL',
      0,
    ])
    const destroy = (id: number) =>
      outcome(() =>
        now(calls.ioctl(iommufd.fd, IOMMUFD_IOCTL.IOMMU_DESTROY, IOMMU_DESTROY.encode({ size: 8, id }))),
      )
    expect([destroy(one), destroy(3), destroy(99), destroy(other), destroy(other)]).toEqual([
      'EBUSY',
      'EBUSY',
      'ENOENT',
      0,
      'ENOENT',
    ])
  })
})

describe('an address space', () => {
  const bytes = 0x4000
  function space() {
    const { core, calls, iommufd } = bench('7.2')
    const address = BigInt(
      now(calls.mmap({ anonymous: true, lengthBytes: bytes, protection: RW, shared: false })),
    )
    const ioas_id = now(iommufd.allocate())
    const map = (iova: bigint, length: bigint, more: { flags?: number; size?: number; at?: bigint } = {}) => {
      const { flags = 7, size = 40, at = address } = more
      const argument = IOAS_MAP.encode({ size, flags, ioas_id, user_va: at, length, iova })
      return outcome(() => {
        now(calls.ioctl(iommufd.fd, IOMMUFD_IOCTL.IOMMU_IOAS_MAP, argument))
        return IOAS_MAP.decode(argument).iova
      })
    }
    const unmap = (iova: bigint, length: bigint) => {
      const argument = IOAS_UNMAP.encode({ size: 24, ioas_id, iova, length })
      return outcome(() => {
        now(calls.ioctl(iommufd.fd, IOMMUFD_IOCTL.IOMMU_IOAS_UNMAP, argument))
        return IOAS_UNMAP.decode(argument).length
      })
    }
    return { core, calls, iommufd, map, unmap }
  }

  test('maps where it is told, or where there is room', () => {
    const { map, unmap } = space()
    expect(map(0x1000n, 0x1000n)).toBe(0x1000n)
    expect(map(0n, 0x1000n, { flags: 6 })).toBe(0n)
    expect(map(0n, 0x2000n, { flags: 6 })).toBe(0x2000n)
    expect(map(0x1000n, 0x1000n)).toBe('EEXIST')
    expect(unmap(0n, 2n ** 64n - 1n)).toBe(0x4000n)
  })

  test('what a mapping is refused for', () => {
    const { calls, iommufd, map } = space()
    expect(map(0n, 0x1000n, { size: 36 })).toBe('EINVAL')
    expect(map(0n, 0x1000n, { flags: 1 })).toBe('EINVAL')
    expect(map(0n, 0x1000n, { flags: 15 })).toBe('EOPNOTSUPP')
    expect([map(0n, 0n), map(0x10n, 0x1000n), map(0n, 0x10n)]).toEqual(['EINVAL', 'EINVAL', 'EINVAL'])
    expect(map(2n ** 64n - 0x1000n, 0x1000n)).toBe('EOVERFLOW')
    expect(map(0xfee0_0000n, 0x1000n)).toBe('EINVAL')
    expect(map(0n, 0x1000n, { at: 0x10_0000n })).toBe('EFAULT')
    const device = now(iommufd.device(0))
    const bar = now(
      calls.mmap({ fd: device.fd, offset: 0, lengthBytes: 0x1000, protection: RW, shared: true }),
    )
    expect(map(0n, 0x1000n, { at: BigInt(bar) })).toBe('EFAULT')
  })

  test('unmaps whole areas only', () => {
    const { map, unmap } = space()
    map(0n, 0x2000n)
    map(0x4000n, 0x1000n)
    expect([unmap(0n, 0x1000n), unmap(0x8000n, 0x1000n), unmap(0n, 0n)]).toEqual([
      'EINVAL',
      'ENOENT',
      'EINVAL',
    ])
    expect(unmap(0n, 0x8000n)).toBe(0x3000n)
  })

  test('keeps no lock when the iommufd is closed', () => {
    const { core, iommufd } = space()
    const before = core.locks.locks.length
    now(iommufd.close())
    expect(core.locks.locks.length).toBe(before - 1)
  })
})
