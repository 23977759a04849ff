import { LockOp, record, type Step } from '@vfiokit/locking'
import { STRATEGIES } from '@vfiokit/locking-strategies'
import { KERNEL_VERSIONS, type KernelVersion } from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { bytesOf, failure, type GuestDevice, now, REGION } from '../fixtures/guest.ts'
import { Host } from '../fixtures/host.ts'
import { AT, type FunctionName } from '../fixtures/machine.ts'
import { spyOn } from '../fixtures/spy-model.ts'

const open = (name: FunctionName = 'nvme', kernel: KernelVersion = '7.2') =>
  new Host({ kernel }).guest().open(name)

/** Kinds of the steps that a call takes on memory and mappings. */
function stepsOf(step: Step<unknown>): string[] {
  const { steps, outcome } = record(step)
  if ('error' in outcome) throw outcome.error
  return steps
    .filter(({ op }) => !(op instanceof LockOp && op.lock.name.startsWith('igate')))
    .map(({ op }) => op.kind)
    .filter((kind) => kind === 'zap' || kind === 'acquire')
}

function configWrite(device: GuestDevice, at: number, value: number, widthBytes: 1 | 2 | 4): Step<number> {
  return device.calls.write(REGION.CONFIG, at, bytesOf(value, widthBytes))
}

describe.each(KERNEL_VERSIONS)('bounds on %s', (kernel) => {
  test('T5 a read at or across the end is EFAULT and transfers nothing', () => {
    const edu = open('edu', kernel)
    const buffer = new Uint8Array(8).fill(0x77)
    expect(failure(() => edu.read(REGION.CONFIG, 256, 1))).toBe('EFAULT')
    expect(failure(() => now(edu.calls.read(REGION.CONFIG, 252, buffer)))).toBe('EFAULT')
    expect([...buffer]).toEqual(new Array(8).fill(0x77))
    expect(edu.read(REGION.CONFIG, 252, 4)).toHaveLength(4)
  })

  test('a write across the end writes nothing', () => {
    const edu = open('edu', kernel)
    expect(failure(() => edu.write(REGION.CONFIG, 252, new Uint8Array(8).fill(0xff)))).toBe('EFAULT')
    expect(edu.config(252, 4)).toBe(0)
  })

  test('T22 nothing is read of nothing, at any place', () => {
    const edu = open('edu', kernel)
    expect(edu.read(REGION.CONFIG, 4096, 0)).toHaveLength(0)
    expect(edu.read(99, 0, 0)).toHaveLength(0)
  })

  test('any start and length inside reads the same bytes', () => {
    const nic = open('nic', kernel)
    const whole = nic.read(REGION.CONFIG, 0, 256)
    for (let at = 0; at < 32; at++)
      for (let length = 1; length < 20; length++)
        expect(nic.read(REGION.CONFIG, at, length)).toEqual(whole.slice(at, at + length))
  })
})

describe('memory enable', () => {
  test.each(KERNEL_VERSIONS)('T7 off makes BAR reads and writes EIO (%s)', (kernel) => {
    const nvme = open('nvme', kernel)
    nvme.setMemory(false)
    expect(failure(() => nvme.read(0, 0, 4))).toBe('EIO')
    expect(failure(() => nvme.write(0, 0, new Uint8Array(4)))).toBe('EIO')
    nvme.setMemory(true)
    expect(nvme.read(0, 0, 4)).toHaveLength(4)
  })

  test.each(KERNEL_VERSIONS)('T8 off, a mapping can be made but not touched; on, it can (%s)', (kernel) => {
    const nvme = open('nvme', kernel)
    nvme.setMemory(false)
    const map = nvme.map(0)
    expect(failure(() => map.load())).toBe('SIGBUS')
    nvme.setMemory(true)
    expect(map.load()).toBe(0)
  })

  test.each(STRATEGIES)('T9 off takes the pages away, on brings none back ($name)', (strategy) => {
    const nvme = new Host({ strategy }).guest().open('nvme')
    const map = nvme.map(0, 0, 0x2000)
    map.load(0)
    map.load(0x1000)
    expect(map.presentPages).toBe(2)
    nvme.setMemory(false)
    expect(map.presentPages).toBe(0)
    nvme.setMemory(true)
    expect(map.presentPages).toBe(0)
    map.load(0x1000)
    expect(map.presentPages).toBe(strategy.populate === 'mapping' ? 2 : 1)
  })

  test.each(KERNEL_VERSIONS)(
    'T10 of a virtual function: pages go, yet the next touch and read succeed (%s)',
    (kernel) => {
      const host = new Host({ kernel })
      const vf = host.guest().open('vf')
      const map = vf.map(0)
      map.load()
      vf.setMemory(false)
      expect(map.presentPages).toBe(0)
      // The hardware's own bit was written, so this one answers zeros; vfio does not refuse.
      expect(map.load()).toBe(0)
      expect(vf.read(0, 0, 4)).toHaveLength(4)
      expect(vf.config(4, 2) & 2).toBe(0)
      expect(host.hardware('vf').readConfig(4, 2) & 2).toBe(0)
    },
  )

  test.each([
    ['byte', 1, 0x00, true],
    ['byte', 1, 0x02, false],
    ['word', 2, 0x0000, true],
    ['word', 2, 0x0400, true],
    ['word', 2, 0x0406, false],
    ['dword', 4, 0x0000_0000, true],
    ['dword', 4, 0xffff_0002, false],
  ] as const)('a %s of %i byte(s) 0x%s that leaves memory off zaps: %s', (_, width, value, zaps) => {
    const steps = stepsOf(configWrite(open(), 4, value, width))
    expect(steps).toEqual(zaps ? ['acquire', 'zap'] : ['acquire'])
  })

  test('off again zaps again', () => {
    const nvme = open()
    nvme.setMemory(false)
    expect(stepsOf(configWrite(nvme, 4, 0, 2))).toEqual(['acquire', 'zap'])
  })

  test('a write that begins in front of the command reaches it as an access of its own', () => {
    const nvme = open()
    nvme.setConfig(2, 4, 0)
    expect(failure(() => nvme.read(0, 0, 4))).toBe('EIO')
  })

  test('a byte written behind the first takes no lock and leaves memory as it is', () => {
    const nvme = open()
    expect(stepsOf(configWrite(nvme, 5, 0x04, 1))).toEqual([])
    expect(nvme.read(0, 0, 4)).toHaveLength(4)
  })

  test('the bit of the user decides, and reaches the hardware', () => {
    const host = new Host()
    const nvme = host.guest().open('nvme')
    nvme.setMemory(false)
    expect(host.hardware('nvme').readConfig(4, 2) & 2).toBe(0)
    nvme.setMemory(true)
    expect(host.hardware('nvme').readConfig(4, 2) & 2).toBe(2)
    expect(nvme.config(4, 2) & 2).toBe(2)
  })

  test('bus master is off at open, and is the user’s', () => {
    const host = new Host()
    host.hardware('nvme').writeConfig(4, 2, 0x0406)
    const nvme = host.guest().open('nvme')
    // Interrupt disable is cleared too: it is virtual from now on.
    expect(host.hardware('nvme').readConfig(4, 2) & 0x0404).toBe(0)
    nvme.setConfig(4, 2, 0x0006)
    expect(host.hardware('nvme').readConfig(4, 2) & 4).toBe(4)
  })

  test('interrupt disable is virtual, and the hardware follows it', () => {
    const host = new Host()
    const nvme = host.guest().open('nvme')
    const disabled = () => (host.hardware('nvme').readConfig(4, 2) & 0x400) !== 0
    nvme.setConfig(4, 2, 0x0402)
    expect([nvme.config(4, 2) & 0x400, disabled()]).toEqual([0x400, true])
    nvme.setConfig(5, 1, 0x00)
    expect([nvme.config(4, 2) & 0x400, disabled()]).toEqual([0, false])
  })
})

describe('power', () => {
  const control = AT.nvmePm + 4

  test('T49 in D3hot BARs are EIO and SIGBUS, configuration is readable; D0 brings all back', () => {
    const nvme = open()
    const map = nvme.map(0)
    map.store(0, 0x1234)
    nvme.setConfig(control, 2, 3)
    expect(map.presentPages).toBe(0)
    expect(failure(() => nvme.read(0, 0, 4))).toBe('EIO')
    expect(failure(() => map.load())).toBe('SIGBUS')
    expect(nvme.config(0, 2)).toBe(0x1b36)
    nvme.setConfig(control, 2, 0)
    expect(map.load()).toBe(0x1234)
  })

  test('T50 on 5.10 nobody looks at the power state: the device is asked, and does not answer', () => {
    const nvme = new Host({ kernel: '5.10' }).guest().open('nvme')
    const map = nvme.map(0)
    nvme.setConfig(control, 2, 3)
    expect(map.load()).toBe(0xffff_ffff)
    expect([...nvme.read(0, 0, 2)]).toEqual([0xff, 0xff])
  })

  test('a state that the function lacks is refused in silence, and nothing is lost', () => {
    const nvme = open()
    nvme.setConfig(control, 2, 1)
    expect(nvme.config(control, 2) & 3).toBe(0)
    expect(nvme.read(0, 0, 4)).toHaveLength(4)
  })

  test('D3hot zaps, D0 only keeps readers out', () => {
    const nvme = open()
    expect(stepsOf(configWrite(nvme, control, 3, 2))).toEqual(['acquire', 'zap'])
    expect(stepsOf(configWrite(nvme, control, 0, 2))).toEqual(['acquire'])
  })

  test('only an access that begins at the register changes power', () => {
    const nvme = open()
    nvme.setConfig(control + 1, 1, 3)
    expect(nvme.config(control, 2) & 3).toBe(0)
    nvme.setConfig(AT.nvmePm + 2, 2, 0xffff)
    expect(nvme.config(control, 2) & 3).toBe(0)
  })

  test('leaving D3hot clears the whole control word', () => {
    const profile = { rw: `${'00'.repeat(AT.nvmePm + 4)}031f`, w1c: '00'.repeat(AT.nvmePm + 6) }
    const host = new Host({ profiles: (fn) => (fn.deviceId === 0x0010 ? profile : undefined) })
    const nvme = host.guest().open('nvme')
    nvme.setConfig(control, 2, 0x1e03)
    expect(nvme.config(control, 2) & 0x1e03).toBe(0x1e03)
    nvme.setConfig(control, 1, 0)
    expect(nvme.config(control, 2) & 0x1e03).toBe(0)
  })
})

describe('reset by register', () => {
  const control = AT.nvmeExp + 8

  test.each([
    ['word', control, 2, 0x8000],
    ['high byte', control + 1, 1, 0x80],
    ['dword', control, 4, 0x0000_8000],
  ] as const)('an FLR written as %s resets, zaps and reads 0', (_, at, width, value) => {
    const spy = spyOn('nvme')
    const nvme = new Host({ models: [spy.model] }).guest().open('nvme')
    const map = nvme.map(0)
    map.store(0, 0x55)
    spy.accesses.length = 0
    nvme.setConfig(at, width, value)
    expect(spy.accesses).toEqual(['flr'])
    expect(map.presentPages).toBe(0)
    expect(nvme.config(control, 2) & 0x8000).toBe(0)
    expect(map.load()).toBe(0)
  })

  test.each(KERNEL_VERSIONS)(
    'T35 without FLR in its capabilities nothing is reset; the bit reads 0 (%s)',
    (kernel) => {
      const spy = spyOn('nic')
      const nic = new Host({ kernel, models: [spy.model] }).guest().open('nic')
      const map = nic.map(0)
      map.load()
      spy.accesses.length = 0
      nic.setConfig(0x78, 2, 0x8000)
      expect(spy.accesses).toEqual([])
      expect(nic.config(0x78, 2) & 0x8000).toBe(0)
      expect(map.presentPages).toBe(1)
    },
  )

  test('by advanced features as well', () => {
    const spy = spyOn('lone')
    const lone = new Host({ models: [spy.model] }).guest().open('lone')
    spy.accesses.length = 0
    lone.setConfig(AT.loneAf + 4, 1, 1)
    expect(spy.accesses).toEqual(['flr'])
    expect(lone.config(AT.loneAf + 4, 1) & 1).toBe(0)
  })

  test('whatever method works is used, and failure is nobody’s business', () => {
    const spy = spyOn('nvme')
    const host = new Host({ models: [spy.model] })
    const nvme = host.guest().open('nvme')
    host.hardware('nvme').setResetMethods('')
    spy.accesses.length = 0
    expect(nvme.setConfig(control, 2, 0x8000)).toBe(2)
    expect(spy.accesses).toEqual([])
    expect(host.busyLocks()).toEqual([])
  })
})

test('user memory that is not there is EFAULT, and no lock is left', () => {
  const host = new Host()
  const nvme = host.guest().open('nvme')
  const nowhere = { address: 0x1000, lengthBytes: 4 }
  expect(failure(() => nvme.write(REGION.CONFIG, 4, nowhere))).toBe('EFAULT')
  expect(failure(() => nvme.write(0, 0, nowhere))).toBe('EFAULT')
  expect(host.busyLocks()).toEqual([])
})
