import { createHost, type Host } from '@vfiokit/host'
import { runLive } from '@vfiokit/locking'
import { openDeviceIn, openGroup } from '@vfiokit/vfio-core'
import { beforeEach, describe, expect, test } from 'vitest'
import { DEVICES, HOST } from './fixtures/machine.ts'
import { outcome } from './fixtures/outcome.ts'

const { nvme, nic } = DEVICES
let host: Host

beforeEach(async () => {
  host = await createHost({ ...HOST, bind: [nic] })
})

describe('binding', () => {
  test('gives a function to vfio-pci and takes it away again', async () => {
    const { operator } = host
    expect(await outcome(() => operator.readAttribute(nvme, 'driver'))).toBe('ENOENT')
    await operator.bind(nvme, 'vfio-pci')
    expect(await operator.readAttribute(nvme, 'driver')).toBe('vfio-pci')
    expect([...host.core.devices.keys()]).toEqual([nic, nvme])
    await operator.unbind(nvme)
    expect([...host.core.devices.keys()]).toEqual([nic])
  })

  test('takes addresses in every form', async () => {
    await host.operator.bind('01:00.0', 'vfio-pci')
    expect(await host.operator.readAttribute('01:00.0', 'driver')).toBe('vfio-pci')
  })

  test.each([
    ['another driver', () => host.operator.bind(nvme, 'nvme'), 'ENODEV'],
    ['what is no address', () => host.operator.bind('nvme', 'vfio-pci'), 'ENODEV'],
    ['a function that is not there', () => host.operator.bind('0000:09:00.0', 'vfio-pci'), 'ENODEV'],
    ['a bridge', () => host.operator.bind('0000:00:01.0', 'vfio-pci'), 'EINVAL'],
    ['what is bound already', () => host.operator.bind(nic, 'vfio-pci'), 'EBUSY'],
    ['taking away what is not bound', () => host.operator.unbind(nvme), 'ENODEV'],
  ])('refuses %s', async (_what, action, errno) => {
    expect(await outcome(action)).toBe(errno)
  })

  test('takes an open device away when its last user has closed it', async () => {
    const { calls } = host.vfio.process('vm')
    const group = await runLive(openGroup(calls, 6))
    const device = await runLive(openDeviceIn(calls, group, nic))
    const gone = host.operator.unbind(nic)
    expect(await host.operator.readAttribute(nic, 'driver')).toBe('vfio-pci')
    await runLive(device.close())
    await gone
    expect(await outcome(() => host.operator.readAttribute(nic, 'driver'))).toBe('ENOENT')
  })
})

describe('physical config space', () => {
  test('is read and written past all that vfio makes up', async () => {
    const { operator } = host
    expect([...(await operator.readConfig(nic, 0, 4))]).toEqual([0x86, 0x80, 0xd3, 0x10])
    await operator.writeConfig(nic, 4, Uint8Array.of(0x02, 0x00))
    expect([...(await operator.readConfig(nic, 4, 2))]).toEqual([0x02, 0x00])
    // Identity is read-only.
    await operator.writeConfig(nic, 0, Uint8Array.of(0xff, 0xff))
    expect([...(await operator.readConfig(nic, 0, 2))]).toEqual([0x86, 0x80])
  })

  test('ends where it ends: a read is shorter, a write is refused whole', async () => {
    const { operator } = host
    const size = 4096
    expect(await operator.readConfig(nic, size - 2, 8)).toHaveLength(2)
    expect(await operator.readConfig(nic, size + 8, 8)).toHaveLength(0)
    expect(await operator.readConfig(DEVICES.acme, 0, size)).toHaveLength(256)
    const before = await operator.readConfig(nic, 0, size)
    expect(await outcome(() => operator.writeConfig(nic, size - 1, new Uint8Array(2)))).toBe('EINVAL')
    expect(await operator.readConfig(nic, 0, size)).toEqual(before)
  })

  test.each([-1, 0.5, Number.NaN, 2 ** 60])('is not at offset %s', async (offset) => {
    expect(await outcome(() => host.operator.readConfig(nic, offset, 1))).toBe('EINVAL')
    expect(await outcome(() => host.operator.writeConfig(nic, offset, new Uint8Array(1)))).toBe('EINVAL')
  })

  test('refuses a length that is none, and a function that is not there', async () => {
    expect(await outcome(() => host.operator.readConfig(nic, 0, -4))).toBe('EINVAL')
    expect(await outcome(() => host.operator.readConfig('0000:09:00.0', 0, 4))).toBe('ENODEV')
    expect(await outcome(() => host.operator.writeConfig('here', 0, new Uint8Array(1)))).toBe('ENODEV')
  })
})

describe('attributes', () => {
  test('say what sysfs says', async () => {
    const read = (name: string) => host.operator.readAttribute(nic, name)
    expect(await read('driver')).toBe('vfio-pci')
    expect(await read('iommu_group')).toBe('6')
    // As it was recorded: idle under vfio-pci.
    expect(await read('power_state')).toBe('D3hot')
    expect(await read('reset_method')).toBe('pm')
  })

  test('reset_method can be written, cleared and probed again', async () => {
    const { operator } = host
    const probed = await operator.readAttribute(nic, 'reset_method')
    await operator.writeAttribute(nic, 'reset_method', 'pm')
    expect(await operator.readAttribute(nic, 'reset_method')).toBe('pm')
    await operator.writeAttribute(nic, 'reset_method', '')
    expect(await operator.readAttribute(nic, 'reset_method')).toBe('')
    await operator.writeAttribute(nic, 'reset_method', 'default')
    expect(await operator.readAttribute(nic, 'reset_method')).toBe(probed)
  })

  test.each([
    ['an unknown one', nic, 'colour', 'ENOENT'],
    ['a property of every object', nic, 'constructor', 'ENOENT'],
    ['one of a function that is not there', '0000:09:00.0', 'reset_method', 'ENODEV'],
    ['one of what is no address', 'nic', 'reset_method', 'ENODEV'],
  ])('cannot be read or written: %s', async (_what, device, name, errno) => {
    expect(await outcome(() => host.operator.readAttribute(device, name))).toBe(errno)
    expect(await outcome(() => host.operator.writeAttribute(device, name, ''))).toBe(errno)
  })

  test('are read-only but for reset_method, which takes only what the device can', async () => {
    expect(await outcome(() => host.operator.writeAttribute(nic, 'power_state', 'D3hot'))).toBe('EACCES')
    expect(await outcome(() => host.operator.writeAttribute(nic, 'reset_method', 'magic'))).toBe('EINVAL')
  })
})
