import {
  DEPENDENT_DEVICE,
  DEVICE_IOCTL,
  HOT_RESET_INFO,
  KERNEL_VERSIONS,
  type KernelVersion,
} from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { failure, type GuestDevice, now } from '../fixtures/guest.ts'
import { Host } from '../fixtures/host.ts'
import type { FunctionName } from '../fixtures/machine.ts'

const open = (name: FunctionName, kernel: KernelVersion = '7.2') => new Host({ kernel }).guest().open(name)

/** The raw ioctl: its errno, and what the header holds afterwards. */
function ask(device: GuestDevice, argsz: number, bytes = Math.max(argsz, 12)) {
  const argument = new Uint8Array(bytes)
  HOT_RESET_INFO.write(argument, { argsz, flags: 7, count: 99 })
  const errno = failure(() => device.ioctl(DEVICE_IOCTL.DEVICE_GET_PCI_HOT_RESET_INFO, argument))
  return { errno, argument, ...HOT_RESET_INFO.decode(argument) }
}

describe('what a hot reset would hit', () => {
  test('every function of the slot, with its group', () => {
    const found = now(open('edu').calls.hotResetInfo())
    expect(found).toEqual([0, 1, 2, 3].map((devfn) => ({ groupId: 6, segment: 0, bus: 1, devfn })))
  })

  test('functions that nobody drives as well', () => {
    const host = new Host({ bind: ['nvme'] })
    expect(now(host.guest().open('nvme').calls.hotResetInfo())).toHaveLength(4)
  })

  test('a bus with one function', () => {
    expect(now(open('lone').calls.hotResetInfo())).toEqual([{ groupId: 7, segment: 0, bus: 2, devfn: 0 }])
  })

  test('on a root bus nothing resets: ENODEV', () => {
    expect(ask(open('rootEdu'), 12).errno).toBe('ENODEV')
  })

  test('a function without IOMMU group is EPERM, and nothing is written', () => {
    const host = new Host({ bind: ['nvme', 'nic', 'edu'], overrides: { testdev: { iommuGroup: undefined } } })
    const { errno, count } = ask(host.guest().open('nvme'), 12 + 4 * 8)
    expect([errno, count]).toEqual(['EPERM', 99])
  })
})

describe.each(KERNEL_VERSIONS)('room on %s', (kernel) => {
  test('T38 too little is ENOSPC, and the count says how much', () => {
    const nvme = open('nvme', kernel)
    for (const argsz of [12, 19, 20, 43]) {
      const { errno, count, flags, argument } = ask(nvme, argsz)
      expect([errno, count, flags]).toEqual(['ENOSPC', 4, 0])
      expect(argument.subarray(12).every((byte) => byte === 0)).toBe(true)
    }
  })

  test('enough is filled in, and argsz stays', () => {
    const { errno, count, argsz, argument } = ask(open('nvme', kernel), 100)
    expect([errno, count, argsz]).toEqual([undefined, 4, 100])
    expect(DEPENDENT_DEVICE.decode(argument, 12 + 24)).toEqual({ group_id: 6, segment: 0, bus_devfn: 0x0301 })
  })

  test('a struct that is cut short is EINVAL, one that memory cuts short EFAULT', () => {
    const nvme = open('nvme', kernel)
    expect(ask(nvme, 11).errno).toBe('EINVAL')
    expect(ask(nvme, 0).errno).toBe('EINVAL')
    expect(ask(nvme, 12, 11).errno).toBe('EFAULT')
    expect(ask(nvme, 44, 40).errno).toBe('EFAULT')
  })
})
