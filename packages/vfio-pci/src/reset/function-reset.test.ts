import type { DeviceModelFactory, ResetEvent } from '@vfiokit/hardware'
import { STRATEGIES } from '@vfiokit/locking-strategies'
import { DEVICE_FLAGS, KERNEL_VERSIONS } from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { failure, REGION } from '../fixtures/guest.ts'
import { Host } from '../fixtures/host.ts'
import { AT, BDF, FUNCTION_NAMES } from '../fixtures/machine.ts'
import { memoryRegion, provider } from '../fixtures/regions.ts'
import { spyOn } from '../fixtures/spy-model.ts'

/** The registers that a reset takes and the kernel puts back. */
function physical(host: Host, name: (typeof FUNCTION_NAMES)[number]): number[] {
  const hardware = host.hardware(name)
  return [0x04, 0x10, 0x14, 0x18, 0x1c, 0x20, 0x24, 0x30, 0x3c].map(
    (at) => hardware.readConfig(at, 4) & (at === 4 ? 0xffff : 0xffff_ffff),
  )
}

describe('VFIO_DEVICE_RESET', () => {
  test.each(KERNEL_VERSIONS)(
    'T32 of a function without reset is EINVAL, and nothing is zapped (%s)',
    (kernel) => {
      const edu = new Host({ kernel }).guest().open('edu')
      const map = edu.map(0)
      map.load()
      expect(edu.info().flags & DEVICE_FLAGS.RESET).toBe(0)
      expect(failure(() => edu.reset())).toBe('EINVAL')
      expect(map.presentPages).toBe(1)
    },
  )

  test.each(STRATEGIES)(
    'T33 a reset that fails zaps all the same, and the next touch works ($name)',
    (strategy) => {
      const host = new Host({ strategy })
      const nvme = host.guest().open('nvme')
      const map = nvme.map(0)
      map.load()
      // It worked at open, so the ioctl goes on; now every method is gone.
      host.hardware('nvme').setResetMethods('')
      expect(failure(() => nvme.reset())).toBe('ENOTTY')
      expect(map.presentPages).toBe(0)
      expect(map.load()).toBe(0)
      expect(host.busyLocks()).toEqual([])
    },
  )

  test('T36 a method after which the device does not come back is followed by the next', () => {
    const stuck = new Set<ResetEvent>(['flr'])
    const tried: ResetEvent[] = []
    const model: DeviceModelFactory = ({ identity }) =>
      identity.bdf !== BDF.lone
        ? undefined
        : {
            readBar: () => {},
            writeBar: () => {},
            reset: (event) => tried.push(event),
            recovers: (event) => !stuck.has(event),
          }
    const overrides = { lone: { resetMethods: ['af_flr', 'bus'] } }
    const lone = new Host({ models: [model], overrides }).guest().open('lone')
    tried.length = 0
    expect(failure(() => lone.reset())).toBeUndefined()
    expect(tried).toEqual(['flr', 'bus'])
    stuck.add('bus')
    expect(failure(() => lone.reset())).toBe('ENOTTY')
  })

  test.each(STRATEGIES)(
    'T34 keeps what the user wrote and loses what the device kept ($name)',
    (strategy) => {
      const host = new Host({ strategy })
      const nvme = host.guest().open('nvme')
      const map = nvme.map(0)
      nvme.setConfig(4, 2, 0x0406)
      nvme.setConfig(0x10, 4, 0xc000_0000)
      nvme.setConfig(0x3c, 1, 0x2a)
      map.store(0x20, 0x5a5a)
      const shown = nvme.read(REGION.CONFIG, 0, 256)
      nvme.reset()
      expect(nvme.read(REGION.CONFIG, 0, 256)).toEqual(shown)
      expect(map.load(0x20)).toBe(0)
    },
  )

  test.each(KERNEL_VERSIONS)('T34 with memory off it stays off (%s)', (kernel) => {
    const nvme = new Host({ kernel }).guest().open('nvme')
    nvme.setMemory(false)
    nvme.reset()
    expect(nvme.config(4, 2) & 2).toBe(0)
    expect(failure(() => nvme.read(0, 0, 4))).toBe('EIO')
  })

  test.each(FUNCTION_NAMES)('the registers of %s are the same before and after', (name) => {
    const host = new Host()
    const device = host.guest().open(name)
    device.setConfig(4, 2, 0x0007)
    device.setConfig(0x0c, 1, 8)
    const before = physical(host, name)
    if (failure(() => device.reset()) === undefined) expect(device.info().flags & 1).toBe(1)
    expect(physical(host, name)).toEqual(before)
  })

  test('control registers of PCI Express are put back', () => {
    const host = new Host()
    const nvme = host.guest().open('nvme')
    nvme.setConfig(AT.nvmeExp + 8, 2, 0x000f)
    const before = host.hardware('nvme').readConfig(AT.nvmeExp + 8, 2)
    nvme.reset()
    expect(before & 0xf).toBe(0xf)
    expect(host.hardware('nvme').readConfig(AT.nvmeExp + 8, 2)).toBe(before)
  })

  test('brings a function back from D3hot', () => {
    const nvme = new Host().guest().open('nvme')
    const map = nvme.map(0)
    nvme.setConfig(AT.nvmePm + 4, 2, 3)
    nvme.reset()
    expect(nvme.config(AT.nvmePm + 4, 2) & 3).toBe(0)
    expect(map.load()).toBe(0)
  })

  test('decoding and bus master are off while the device is reset', () => {
    const host = new Host()
    const nic = host.guest().open('nic')
    const { model } = host.machine.hardware(BDF.nic)!
    const reset = model.reset.bind(model)
    const seen: number[] = []
    model.reset = (event) => {
      // A reset by power states clears no register: what is seen here was written before it.
      seen.push(host.hardware('nic').readConfig(4, 2) & 0x407)
      reset(event)
    }
    nic.setConfig(4, 2, 0x0007)
    nic.reset()
    expect(seen).toEqual([0x400])
  })

  test('that fails has powered the function up all the same', () => {
    const host = new Host()
    const nvme = host.guest().open('nvme')
    nvme.setConfig(AT.nvmePm + 4, 2, 3)
    host.hardware('nvme').setResetMethods('')
    expect(failure(() => nvme.reset())).toBe('ENOTTY')
    nvme.write(0, 0x40, Uint8Array.of(0x5a))
    expect(nvme.read(0, 0x40, 1)[0]).toBe(0x5a)
  })

  test('a method that does not work here is passed over', () => {
    const spy = spyOn('nvme')
    const host = new Host({ models: [spy.model], overrides: { nvme: { resetMethods: ['bus', 'flr'] } } })
    const nvme = host.guest().open('nvme')
    // Four functions are on the bus: a bus reset of one of them is none.
    expect(host.hardware('nvme').resetMethods).toEqual(['bus', 'flr'])
    spy.accesses.length = 0
    nvme.reset()
    expect(spy.accesses).toEqual(['flr'])
  })

  test('regions hear of it before and after, with every BAR page gone', () => {
    const heard: string[] = []
    const host: Host = new Host({
      providers: [
        provider('nvme', () => [
          memoryRegion({
            resetPrepare: () => void heard.push(`prepare ${host.device('nvme').presentBarPages}`),
            resetDone: () => void heard.push('done'),
          }),
        ]),
      ],
    })
    const nvme = host.guest().open('nvme')
    nvme.map(0).load()
    nvme.reset()
    expect(heard).toEqual(['prepare 0', 'done'])
    host.hardware('nvme').setResetMethods('')
    expect(failure(() => nvme.reset())).toBe('ENOTTY')
    expect(heard).toEqual(['prepare 0', 'done', 'prepare 0', 'done'])
  })
})

test.each(KERNEL_VERSIONS)('T75 a reset that vfio did not do takes no page away (%s)', (kernel) => {
  const host = new Host({ kernel })
  const map = host.guest().open('nvme').map(0)
  map.load()
  host.hardware('nvme').reset('flr')
  expect(map.presentPages).toBe(1)
})
