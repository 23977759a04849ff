import { Bdf } from '@vfiokit/topology'
import { KERNEL_VERSIONS } from '@vfiokit/vfio-core'
import { VFIO_PCI } from '@vfiokit/vfio-pci'
import { describe, expect, test } from 'vitest'
import { failure } from './fixtures/guest.ts'
import { Host } from './fixtures/host.ts'
import { BDF } from './fixtures/machine.ts'

describe('binding', () => {
  test('makes a device that is found by its address, in its group and set', () => {
    const host = new Host({ bind: [] })
    const device = host.bus.bind(BDF.nvme)
    expect(device.id).toBe('0000:01:00.0')
    expect([device.group.number, device.set.id]).toEqual([6, 'slot 1'])
    expect(host.bus.driver(BDF.nvme)).toBe(VFIO_PCI)
    expect(host.bus.driverOf(device)!.hardware).toBe(host.hardware('nvme'))
  })

  test.each([
    ['a function that is not there', '7f:00.0', 'ENODEV'],
    ['a bridge', '00:01.0', 'EINVAL'],
    ['a function that vfio drives already', '01:00.0', 'EBUSY'],
    ['a function of another driver', '02:00.0', 'EBUSY'],
    ['a function without IOMMU group', '03:00.0', 'EINVAL'],
  ])('%s is refused', (_, bdf, errno) => {
    const host = new Host({
      bind: ['nvme'],
      overrides: { lone: { driver: '8139too' }, pf: { iommuGroup: undefined } },
    })
    expect(failure(() => host.bus.bind(Bdf.parse(bdf)))).toBe(errno)
    expect([...host.core.devices.keys()]).toEqual([BDF.nvme])
  })

  test('what a snapshot says was bound to vfio-pci is free until somebody binds it', () => {
    const host = new Host({ bind: [], overrides: { nvme: { driver: VFIO_PCI } } })
    expect(host.bus.driver(BDF.nvme)).toBeUndefined()
    expect(failure(() => host.bus.bind(BDF.nvme))).toBeUndefined()
  })
})

describe('a group with a member that somebody else drives', () => {
  const open = (kernel: (typeof KERNEL_VERSIONS)[number], driver: string, testdev = {}) => {
    const host = new Host({ kernel, bind: ['nvme'], overrides: { testdev: { driver, ...testdev } } })
    return failure(() => host.guest().open('nvme'))
  }

  test.each(KERNEL_VERSIONS)('cannot be used (%s)', (kernel) => {
    expect(open(kernel, 'e1000e')).toBe(kernel === '5.10' ? 'EINVAL' : 'EPERM')
  })

  test.each(KERNEL_VERSIONS)('can, if that driver makes no DMA of its own (%s)', (kernel) => {
    expect(open(kernel, 'pci-stub')).toBeUndefined()
  })

  test('a bridge with a driver that makes DMA of its own counts since 5.18', () => {
    const errnos = KERNEL_VERSIONS.map((kernel) => {
      const overrides = { ports: { driver: 'shpchp', iommuGroup: 7 } }
      return failure(() => new Host({ kernel, overrides }).guest().open('lone'))
    })
    expect(errnos).toEqual([undefined, 'EPERM', 'EPERM', 'EPERM'])
  })

  test('a bridge under pcieport does not', () => {
    const host = new Host({ overrides: { ports: { iommuGroup: 7 } } })
    expect(failure(() => host.guest().open('lone'))).toBeUndefined()
  })
})

test('a lone function of a root bus has a set of its own', () => {
  const host = new Host()
  expect(host.device('rootEdu').set.devices).toEqual([host.device('rootEdu')])
})
