import {
  BIND_IOMMUFD,
  DEPENDENT_DEVICE,
  DEVICE_IOCTL,
  type DeviceCalls,
  HOT_RESET,
  HOT_RESET_INFO,
  IommufdCalls,
  type KernelVersion,
} from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { failure, now } from '../fixtures/guest.ts'
import { Host, type HostOptions } from '../fixtures/host.ts'
import { type FunctionName, SLOT, VF_TOKEN } from '../fixtures/machine.ts'

const [DEV_ID, DEV_ID_OWNED] = [1, 2]
const NOT_OWNED = 0xffff_ffff
const WITH_NODES: readonly KernelVersion[] = ['6.12', '7.2']
/** One function of the slot is in a group of its own. */
const APART = { testdev: { iommuGroup: 16 } } as const

/** A process that opens functions by their nodes. */
function bench(options: HostOptions) {
  const host = new Host(options)
  const { calls } = host.guest()
  const iommufd = now(IommufdCalls.open(calls))
  const open = (name: FunctionName, by = iommufd) => now(by.device(host.device(name).number!))
  return { host, calls, iommufd, open }
}

/** Flags, and what stands for each function of the slot. */
function dependents({ calls, fd }: DeviceCalls) {
  const count = SLOT.length
  const bytes = count * DEPENDENT_DEVICE.sizeBytes
  const argument = HOT_RESET_INFO.encode({ argsz: HOT_RESET_INFO.sizeBytes + bytes }, bytes)
  now(calls.ioctl(fd, DEVICE_IOCTL.DEVICE_GET_PCI_HOT_RESET_INFO, argument) as never)
  const { flags } = HOT_RESET_INFO.decode(argument)
  const ids = SLOT.map(
    (_, at) =>
      DEPENDENT_DEVICE.decode(argument, HOT_RESET_INFO.sizeBytes + at * DEPENDENT_DEVICE.sizeBytes).group_id,
  )
  return { flags, ids }
}

describe.each(WITH_NODES)('functions opened by their nodes on %s', (kernel) => {
  test('are named by their number in the iommufd; those of their group are owned too', () => {
    const { open } = bench({ kernel })
    const nvme = open('nvme')
    open('edu')
    // Objects 1 and 2 of the iommufd.
    expect(dependents(nvme)).toEqual({ flags: DEV_ID | DEV_ID_OWNED, ids: [1, 0, 2, 0] })
    expect(failure(() => now(nvme.hotReset([])))).toBeUndefined()
  })

  test('T39 a reset gives no groups', () => {
    const { open } = bench({ kernel })
    const nvme = open('nvme')
    const argument = HOT_RESET.encode({ argsz: 16, count: 1 }, 4)
    const reset = () => now(nvme.calls.ioctl(nvme.fd, DEVICE_IOCTL.DEVICE_PCI_HOT_RESET, argument) as never)
    expect(failure(reset)).toBe('EINVAL')
  })

  test('a function of another group is to be bound to the same iommufd', () => {
    const { host, calls, iommufd, open } = bench({ kernel, overrides: APART })
    const nvme = open('nvme')
    expect(dependents(nvme)).toEqual({ flags: DEV_ID, ids: [1, 0, 0, NOT_OWNED] })
    expect(failure(() => now(nvme.hotReset([])))).toBe('EINVAL')
    const other = open('testdev', now(IommufdCalls.open(calls)))
    expect(dependents(nvme).ids[3]).toBe(NOT_OWNED)
    expect(failure(() => now(nvme.hotReset([])))).toBe('EINVAL')
    now(other.close())
    open('testdev', iommufd)
    expect(dependents(nvme)).toEqual({ flags: DEV_ID | DEV_ID_OWNED, ids: [1, 0, 0, 2] })
    expect(failure(() => now(nvme.hotReset([])))).toBeUndefined()
    expect(host.busyLocks()).toEqual([])
  })

  test('one that vfio-pci does not have is owned by nobody', () => {
    const { open } = bench({ kernel, bind: SLOT.filter((name) => name !== 'edu') })
    const nvme = open('nvme')
    expect(dependents(nvme)).toEqual({ flags: DEV_ID, ids: [1, 0, NOT_OWNED, 0] })
    expect(failure(() => now(nvme.hotReset([])))).toBe('EINVAL')
  })
})

describe('the token of a physical function', () => {
  /** What binding a virtual function ends with, when this token is shown. */
  function binding(kernel: KernelVersion, token: string | undefined) {
    const { host, calls, iommufd } = bench({ kernel })
    const fd = now(calls.open(`/dev/vfio/devices/vfio${host.device('vf').number}`))
    const protection = { read: true, write: true, execute: false }
    const address = now(calls.mmap({ anonymous: true, lengthBytes: 0x1000, protection, shared: false }))
    const uuid = Uint8Array.from(Buffer.from((token ?? '').replaceAll('-', ''), 'hex'))
    if (token !== undefined) now(calls.store(address, uuid))
    const flags = token === undefined ? 0 : 1
    const argument = BIND_IOMMUFD.encode({ argsz: 24, flags, iommufd: iommufd.fd }, 8)
    new DataView(argument.buffer).setBigUint64(16, BigInt(address), true)
    return failure(() => now(calls.ioctl(fd, DEVICE_IOCTL.DEVICE_BIND_IOMMUFD, argument))) ?? 'ok'
  }
  const WRONG = '00000000-c335-45f4-9b16-8569e5b08258'

  test('T57 is asked for by BIND on 7.2', () => {
    expect([undefined, WRONG, VF_TOKEN].map((token) => binding('7.2', token))).toEqual([
      'EACCES',
      'EACCES',
      'ok',
    ])
  })

  test('BIND of 6.12 knows of none', () => {
    expect([undefined, VF_TOKEN].map((token) => binding('6.12', token))).toEqual(['ok', 'EINVAL'])
  })
})
