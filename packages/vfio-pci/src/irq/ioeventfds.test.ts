import { KERNEL_VERSIONS } from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { Desk } from '../fixtures/desk.ts'
import { failure } from '../fixtures/guest.ts'
import { NVME_MSIX } from '../fixtures/machine.ts'

describe.each(KERNEL_VERSIONS)('an ioeventfd on %s', (kernel) => {
  test('writes when its eventfd is signalled, and takes the count', () => {
    const nvme = new Desk('nvme', kernel)
    const fd = nvme.eventfd()
    nvme.ioeventfd(0x10, 4, 0x55n, fd)
    nvme.ring(fd)
    expect(nvme.bell.written).toEqual([[0, 0x10, '85 0 0 0']])
    expect(nvme.count(fd)).toBe(0)
  })

  test('T54 is there once, and goes once', () => {
    const nvme = new Desk('nvme', kernel)
    const fd = nvme.eventfd()
    nvme.ioeventfd(0x10, 4, 1n, fd)
    expect(failure(() => nvme.ioeventfd(0x10, 4, 1n, fd))).toBe('EEXIST')
    expect(nvme.ioeventfd(0x10, 4, 2n, fd)).toBe(0)
    expect(nvme.ioeventfd(0x10, 4, 1n, -1)).toBe(0)
    expect(failure(() => nvme.ioeventfd(0x10, 4, 1n, -1))).toBe('ENODEV')
    expect(failure(() => nvme.ioeventfd(NVME_MSIX.offset, 4, 1n, fd))).toBe('EINVAL')
    for (let at = 1; at < 1000; at++) nvme.ioeventfd(0x10, 4, BigInt(at + 2), fd)
    expect(failure(() => nvme.ioeventfd(0x10, 4, 5000n, fd))).toBe('ENOSPC')
  })

  test('of 8 bytes is refused where the kernel has no such write', () => {
    const nvme = new Desk('nvme', kernel)
    const refused = kernel === '5.10' || kernel === '7.2'
    expect(failure(() => nvme.ioeventfd(0x10, 8, 1n, nvme.eventfd()))).toBe(refused ? 'EINVAL' : undefined)
  })

  test('T55 with memory off writes nothing, and nobody hears of it', () => {
    const nvme = new Desk('nvme', kernel)
    const fd = nvme.eventfd()
    nvme.ioeventfd(0x10, 4, 0x55n, fd)
    nvme.device.setMemory(false)
    nvme.ring(fd)
    expect(nvme.bell.written).toEqual([])
  })

  test('a descriptor that is none is refused by its errno', () => {
    const nvme = new Desk('nvme', kernel)
    expect(failure(() => nvme.ioeventfd(0x10, 4, 1n, 9999))).toBe('EBADF')
    expect(failure(() => nvme.ioeventfd(0x10, 4, 1n, 0))).toBe('EINVAL')
    expect(failure(() => nvme.ioeventfd(0x10, 4, 1n, -2))).toBe('EINVAL')
  })
})
