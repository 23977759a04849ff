import { KERNEL_VERSIONS, type KernelVersion } from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { failure } from '../fixtures/guest.ts'
import { Host, type HostOptions } from '../fixtures/host.ts'
import { AT, BDF } from '../fixtures/machine.ts'

const CONTROL = AT.nvmePm + 4
const since6 = KERNEL_VERSIONS.filter((version) => version !== '5.10')

const sleeping = (kernel: KernelVersion, options: HostOptions = {}) => {
  const host = new Host({ kernel, ...options })
  const nvme = host.guest().open('nvme')
  const map = nvme.map(0)
  map.load()
  nvme.setConfig(CONTROL, 2, 3)
  return { host, nvme, map }
}

describe('D3hot by register', () => {
  test.each(since6)('T49 takes memory away and leaves config; D0 gives it back (%s)', (kernel) => {
    const { nvme, map } = sleeping(kernel)
    expect(map.presentPages).toBe(0)
    expect(failure(() => nvme.read(0, 0, 4))).toBe('EIO')
    expect(failure(() => map.load())).toBe('SIGBUS')
    expect(nvme.config(0, 2)).toBe(0x1b36)
    nvme.setConfig(CONTROL, 2, 0)
    expect(nvme.read(0, 0, 4)).toHaveLength(4)
    expect(failure(() => map.load())).toBeUndefined()
  })

  test('T50 gates nothing on 5.10, and pages stay', () => {
    const { host, nvme, map } = sleeping('5.10')
    expect(host.hardware('nvme').powerState).toBe('D3hot')
    expect(map.presentPages).toBe(1)
    expect(nvme.read(0, 0, 4)).toHaveLength(4)
    expect(failure(() => map.load())).toBeUndefined()
  })

  test.each(KERNEL_VERSIONS)('a reset powers up (%s)', (kernel) => {
    const { host, nvme } = sleeping(kernel)
    nvme.reset()
    expect(host.hardware('nvme').powerState).toBe('D0')
    expect(nvme.read(0, 0, 4)).toHaveLength(4)
  })
})

describe('while nobody uses a function', () => {
  test.each(since6)(
    'it goes to sleep a moment after it was closed, and wakes up at the next open (%s)',
    (kernel) => {
      const host = new Host({ kernel })
      host.guest().open('nvme').close()
      expect(host.hardware('nvme').powerState).toBe('D0')
      host.bus.settle()
      expect([host.hardware('nvme').powerState, host.bus.isSuspended(BDF.nvme)]).toEqual(['D3hot', true])
      const nvme = host.guest().open('nvme')
      expect([host.hardware('nvme').powerState, host.bus.isSuspended(BDF.nvme)]).toEqual(['D0', false])
      host.bus.settle()
      expect(nvme.read(0, 0, 4)).toHaveLength(4)
    },
  )

  test('on 5.10 it is asleep at once', () => {
    const host = new Host({ kernel: '5.10' })
    expect(host.hardware('nvme').powerState).toBe('D3hot')
    const nvme = host.guest().open('nvme')
    expect(host.hardware('nvme').powerState).toBe('D0')
    nvme.close()
    expect(host.hardware('nvme').powerState).toBe('D3hot')
  })

  test.each(KERNEL_VERSIONS)('disable_idle_d3 keeps it on (%s)', (kernel) => {
    const host = new Host({ kernel, moduleOptions: { disable_idle_d3: true } })
    host.guest().open('nvme').close()
    host.bus.settle()
    expect(host.hardware('nvme').powerState).toBe('D0')
  })

  test('what the administrator writes meanwhile is lost when it wakes up', () => {
    const host = new Host()
    host.bus.settle()
    const before = host.hardware('nvme').readConfig(0x3c, 1)
    host.hardware('nvme').writeConfig(0x3c, 1, before ^ 0xff)
    host.guest().open('nvme')
    expect(host.hardware('nvme').readConfig(0x3c, 1)).toBe(before)
  })

  test('a reset of the slot wakes what sleeps there, and lets it sleep again', () => {
    const host = new Host()
    const edu = host.guest().open('edu')
    host.bus.settle()
    edu.hotReset()
    expect(host.hardware('nvme').powerState).toBe('D0')
    host.bus.settle()
    expect(host.hardware('nvme').powerState).toBe('D3hot')
  })
})
