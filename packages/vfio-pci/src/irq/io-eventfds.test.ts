import { type IoEventfd, KERNEL_VERSIONS } from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { failure, now } from '../fixtures/guest.ts'
import { InterruptingGuest } from '../fixtures/interrupting-guest.ts'
import { NVME_MSIX } from '../fixtures/machine.ts'

const WRITE: IoEventfd = { region: 0, offset: 0x24, widthBytes: 4, value: 0x55n }

describe.each(KERNEL_VERSIONS)('an ioeventfd on %s', (kernel) => {
  function started() {
    const guest = new InterruptingGuest('nvme', { kernel })
    const set = (write: Partial<IoEventfd>, fd: number) =>
      failure(() => now(guest.device.calls.setIoEventfd({ ...WRITE, ...write }, fd)))
    const memory = (at = 0x24, widthBytes = 4) => [...guest.device.read(0, at, widthBytes)]
    return { guest, set, memory }
  }

  test('T54 twice is EEXIST, taking back what is not there ENODEV, the MSI-X table EINVAL', () => {
    const { guest, set } = started()
    const fd = guest.eventfd()
    expect([set({}, -1), set({}, fd), set({}, fd), set({ value: 0x56n }, fd)]).toEqual([
      'ENODEV',
      undefined,
      'EEXIST',
      undefined,
    ])
    expect([set({}, -1), set({}, -1)]).toEqual([undefined, 'ENODEV'])
    const at = NVME_MSIX.offset
    expect([at - 4, at - 3, at, at + NVME_MSIX.sizeBytes].map((offset) => set({ offset }, fd))).toEqual([
      undefined,
      'EINVAL',
      'EINVAL',
      undefined,
    ])
  })

  test('T54 the 1001st is ENOSPC', () => {
    const { guest, set } = started()
    const fd = guest.eventfd()
    for (let value = 0; value < 1000; value++) expect(set({ value: BigInt(value) }, fd)).toBeUndefined()
    expect(set({ value: 1000n }, fd)).toBe('ENOSPC')
    expect(set({ value: 999n }, -1)).toBeUndefined()
    expect(set({ value: 1000n }, fd)).toBeUndefined()
  })

  test('is a write for each signal', () => {
    const { guest, set, memory } = started()
    const fd = guest.eventfd()
    set({ value: 0x1122_3344_5566_7788n, widthBytes: 2 }, fd)
    expect(memory()).toEqual([0, 0, 0, 0])
    guest.signal(fd)
    expect(memory()).toEqual([0x88, 0x77, 0, 0])
    expect(guest.heard(fd)).toBe(kernel === '5.10' ? 1 : 0)
    guest.device.write(0, 0x24, Uint8Array.of(0, 0, 0, 0))
    set({ value: 0x1122_3344_5566_7788n, widthBytes: 2 }, -1)
    guest.signal(fd)
    expect(memory()).toEqual([0, 0, 0, 0])
  })

  test('that was signalled before it was set writes at once', () => {
    const { guest, set, memory } = started()
    const fd = guest.eventfd()
    guest.signal(fd)
    set({}, fd)
    expect(memory()).toEqual([0x55, 0, 0, 0])
  })

  test('T55 writes nothing while memory is off', () => {
    const { guest, set, memory } = started()
    const fd = guest.eventfd()
    set({}, fd)
    guest.device.setMemory(false)
    guest.signal(fd)
    guest.device.setMemory(true)
    expect([memory(), guest.host.busyLocks()]).toEqual([[0, 0, 0, 0], []])
  })

  test('is gone with the last close', () => {
    const { guest, set, memory } = started()
    const fd = guest.eventfd()
    set({}, fd)
    guest.device.close()
    const again = guest.host.guest().open('nvme')
    guest.signal(fd)
    expect([...again.read(0, 0x24, 4)]).toEqual([0, 0, 0, 0])
    expect(memory).toBeTypeOf('function')
  })

  test.each([
    [
      '8 bytes',
      { offset: 0x28, widthBytes: 8 },
      0,
      kernel === '6.1' || kernel === '6.12' ? undefined : 'EINVAL',
    ],
    ['3 bytes', { widthBytes: 3 as 1 }, 0, 'EINVAL'],
    ['no width', { widthBytes: 0 as 1 }, 0, 'EINVAL'],
    ['a flag of no width', { widthBytes: 16 as 1 }, 0, 'EINVAL'],
    ['behind the end', { offset: 0x4000 }, 0, 'EINVAL'],
    ['across the end', { offset: 0x3ffe }, 0, 'EINVAL'],
    ['a BAR that is not there', { region: 3 }, 0, 'EINVAL'],
    ['configuration space', { region: 7 }, 0, 'EINVAL'],
    ['a descriptor below -1', {}, -2, 'EINVAL'],
    ['a closed descriptor', {}, 999, 'EBADF'],
    ['something that is no eventfd', {}, 1, 'EINVAL'],
  ] as const)('to %s', (_what, write, badFd, errno) => {
    const { guest, set } = started()
    expect(set(write, badFd === 0 ? guest.eventfd() : badFd)).toBe(errno)
  })
})
