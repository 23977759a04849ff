import { createHost, type Host } from '@vfiokit/host'
import { runLive } from '@vfiokit/locking'
import { Bdf } from '@vfiokit/topology'
import { KERNEL_VERSIONS, openDeviceIn, openGroup } from '@vfiokit/vfio-core'
import { beforeEach, describe, expect, test } from 'vitest'
import { DEVICES, HOST } from '../fixtures/machine.ts'
import { outcome } from '../fixtures/outcome.ts'

const { nvme, nic } = DEVICES
let host: Host

beforeEach(async () => {
  host = await createHost(HOST)
})

const read = (name: string, device: string = nvme) => outcome(() => host.operator.readAttribute(device, name))
const link = (name: string, device: string = nvme) => outcome(() => host.operator.readLink(device, name))
const write = (name: string, value: string, device: string = nvme) =>
  outcome(() => host.operator.writeAttribute(device, name, value))

async function open(device: string): Promise<void> {
  const { calls } = host.vfio.process('vm')
  const group = await runLive(openGroup(calls, host.topology.function(Bdf.parse(device))!.iommuGroup!))
  await runLive(openDeviceIn(calls, group, device))
}

describe('links', () => {
  test('lead from the directory of the function', async () => {
    expect(await link('driver')).toBe('../../../../bus/pci/drivers/vfio-pci')
    expect(await link('iommu_group')).toBe('../../../../kernel/iommu_groups/6')
    expect(await link('subsystem')).toBe('../../../../bus/pci')
  })

  test('are neither there for what a function has not, nor for a file', async () => {
    expect(await link('physfn')).toBe('ENOENT')
    expect(await link('virtfn0')).toBe('ENOENT')
    expect(await link('enable')).toBe('EINVAL')
  })
})

describe('drivers', () => {
  test('unbinding takes the link away, and takes the full address of a function that the driver has', async () => {
    expect(await write('driver/unbind', '01:00.0')).toBe('ENODEV')
    expect(await write('driver/unbind', nvme)).toBeUndefined()
    expect([await link('driver'), await read('driver')]).toEqual(['ENOENT', 'ENOENT'])
    expect(await write('driver/unbind', nvme)).toBe('ENOENT')
  })

  test('probing gives a function to the driver that its override names', async () => {
    await write('driver/unbind', nvme)
    await write('driver_override', 'vfio-pci')
    expect(await read('driver_override')).toBe('vfio-pci')
    expect(await write('subsystem/drivers_probe', nvme)).toBeUndefined()
    expect(await read('driver')).toBe('vfio-pci')
  })

  test('a driver takes only what it is told to take', async () => {
    await write('driver/unbind', nvme)
    await write('driver_override', '')
    expect(await write('subsystem/drivers/vfio-pci/bind', nvme)).toBe('ENODEV')
    await write('driver_override', 'pci-stub')
    expect(await write('subsystem/drivers/pci-stub/bind', nvme)).toBeUndefined()
    expect(await read('driver')).toBe('pci-stub')
    expect(await write('subsystem/drivers/vfio-pci/unbind', nvme)).toBe('ENODEV')
    expect(await write('driver/unbind', nvme)).toBeUndefined()
  })

  test('a driver that makes DMA cannot join a group that a user has; pci-stub can', async () => {
    await write('driver/unbind', nvme)
    await open(nic)
    await write('driver_override', 'nvme')
    expect(await write('subsystem/drivers/nvme/bind', nvme)).toBe('EBUSY')
    expect(await write('subsystem/drivers_probe', nvme)).toBe('EINVAL')
    await write('driver_override', 'pci-stub')
    expect(await write('subsystem/drivers_probe', nvme)).toBeUndefined()
  })
})

describe('files', () => {
  test('enable counts who has the function enabled', async () => {
    expect(await read('enable')).toBe('0')
    await open(nvme)
    expect(await read('enable')).toBe('1')
    expect(await write('enable', '1')).toBe('EBUSY')
  })

  test('enable without a driver is the administrator’s', async () => {
    await write('driver/unbind', nvme)
    expect(await write('enable', '0')).toBe('EIO')
    await write('enable', '1')
    expect(await read('enable')).toBe('1')
    expect(await write('enable', 'x')).toBe('EINVAL')
  })

  test('identities are hexadecimal', async () => {
    expect([await read('vendor'), await read('device'), await read('class')]).toEqual([
      '0x1b36',
      '0x0010',
      '0x010802',
    ])
  })

  test('reset takes 1 only, and exists only where something can be reset', async () => {
    expect(await write('reset', '1', nvme)).toBeUndefined()
    expect(await write('reset', '0', nvme)).toBe('EINVAL')
    expect(await write('reset', '1', DEVICES.acme)).toBe('ENOENT')
    expect(await read('reset', nvme)).toBe('EACCES')
  })

  test('reset_method is missing where nothing can be reset, but not where all methods were taken away', async () => {
    expect(await read('reset_method', DEVICES.acme)).toBe('ENOENT')
    expect(await write('reset_method', '', nvme)).toBeUndefined()
    expect(await read('reset_method', nvme)).toBe('')
    expect(await write('reset', '1', nvme)).toBe('ENOTTY')
    expect(await write('reset_method', 'pigeon', nvme)).toBe('EINVAL')
  })

  test('a function without SR-IOV has no file of it', async () => {
    expect([await read('sriov_numvfs'), await write('sriov_numvfs', '1')]).toEqual(['ENOENT', 'ENOENT'])
  })

  test('power_state follows a function that goes idle', async () => {
    expect(await read('power_state')).toBe('D0')
    expect([await read('power_state'), await read('power/runtime_status')]).toEqual(['D3hot', 'suspended'])
    await open(nvme)
    expect([await read('power_state'), await read('power/runtime_status')]).toEqual(['D0', 'active'])
  })
})

test.each(KERNEL_VERSIONS)('which files %s has', async (kernel) => {
  host = await createHost({ ...HOST, kernel })
  const expected = kernel === '5.10' ? ['ENOENT', 'ENOENT'] : ['D0', 'flr bus']
  expect([await read('power_state'), await read('reset_method')]).toEqual(expected)
})
