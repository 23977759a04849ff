import { STRATEGIES } from '@vfiokit/locking-strategies'
import { DEVICE_FLAGS, DEVICE_INFO, DEVICE_IOCTL } from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { failure } from './fixtures/guest.ts'
import { Host } from './fixtures/host.ts'
import { FUNCTION_NAMES } from './fixtures/machine.ts'

describe('GET_INFO', () => {
  test.each([
    ['nvme', true],
    ['nic', true],
    ['edu', false],
    ['lone', true],
    ['rootEdu', false],
  ] as const)('of %s: a reset works: %s', (name, works) => {
    const { flags, regionCount, irqCount } = new Host().guest().open(name).info()
    expect(flags).toBe(DEVICE_FLAGS.PCI | (works ? DEVICE_FLAGS.RESET : 0))
    expect([regionCount, irqCount]).toEqual([9, 5])
  })

  test('16 bytes are enough, fewer are not', () => {
    const nvme = new Host().guest().open('nvme')
    const ask = (argsz: number, bytes: number) => () => {
      const argument = new Uint8Array(bytes)
      DEVICE_INFO.write(argument, { argsz })
      return nvme.ioctl(DEVICE_IOCTL.DEVICE_GET_INFO, argument)
    }
    expect(ask(16, 16)()).toBe(0)
    expect(failure(ask(15, 16))).toBe('EINVAL')
    expect(failure(ask(20, 12))).toBe('EFAULT')
  })
})

test('an ioctl that is not modelled is ENOTTY', () => {
  const nvme = new Host().guest().open('nvme')
  expect(failure(() => nvme.ioctl(0x1234, new Uint8Array(64)))).toBe('ENOTTY')
})

describe('opening', () => {
  test('turns decoding on for the BARs there are, and bus master off', () => {
    const host = new Host({ overrides: {} })
    for (const name of FUNCTION_NAMES) {
      host.hardware(name).writeConfig(4, 2, 4)
      host.guest().open(name)
      const hasIo = host.hardware(name).resources.some(({ kind }) => kind === 'io')
      expect([name, host.hardware(name).readConfig(4, 2) & 7]).toEqual([name, hasIo ? 3 : 2])
    }
  })

  test('wakes a function that sleeps', () => {
    const host = new Host()
    host.hardware('nvme').writeConfig(0x44, 2, 3)
    expect(host.guest().open('nvme').read(0, 0, 4)).toHaveLength(4)
  })

  test('a function whose BARs nobody knows has only configuration space', () => {
    const host = new Host({ overrides: { edu: { bars: [] } } })
    const edu = host.guest().open('edu')
    expect([0, 1, 2, 3, 4, 5, 6].map((index) => edu.region(index).sizeBytes)).toEqual(new Array(7).fill(0))
    expect(edu.config(0, 2)).toBe(0x1234)
  })
})

describe('two processes', () => {
  test('share a device: what one writes the other sees', () => {
    const host = new Host()
    const first = host.guest('vm0').open('nvme')
    const second = host.guest('vm1').open('nvme')
    first.map(0).store(0x40, 0x99)
    expect(second.map(0).load(0x40)).toBe(0x99)
    first.setMemory(false)
    expect(failure(() => second.read(0, 0x40, 1))).toBe('EIO')
  })

  test.each(STRATEGIES)('T65 memory off takes the pages of a forked child as well ($name)', (strategy) => {
    const host = new Host({ strategy })
    const nvme = host.guest('vm0').open('nvme')
    nvme.map(0).load()
    const child = forked(host)
    nvme.setMemory(false)
    expect(child.vmas.map((vma) => vma.presentPages)).toEqual([0])
    expect(host.busyLocks()).toEqual([])
  })
})

/** A child of vm0, which has the same mappings. */
function forked(host: Host) {
  const operation = host.core.process('vm0').fork('child')
  for (let next = operation.next(); !next.done; ) next = operation.next(next.value.perform())
  return host.core.process('child').process
}
