import type { ResetHost, VendorReset } from '@vfiokit/vfio-pci'
import { describe, expect, test } from 'vitest'
import { failure, now } from '../fixtures/guest.ts'
import { Host } from '../fixtures/host.ts'
import { BDF, type FunctionName } from '../fixtures/machine.ts'

/** A host whose function has a reset of its vendor's. */
function withReset(name: FunctionName, reset: VendorReset['reset']): Host {
  return new Host({ vendorResets: [{ name: 'vendor', matches: (fn) => fn.bdf === BDF[name], reset }] })
}

test('it is listed first, and the others stay behind it', () => {
  const host = withReset('nvme', () => {})
  expect(host.hardware('nvme').resetMethods).toEqual(['device_specific', 'flr'])
  expect(host.hardware('nic').resetMethods).not.toContain('device_specific')
})

test('it is used at open, by the ioctl, at close and by sysfs', () => {
  const resets: string[] = []
  const host = withReset('nvme', ({ function: fn }) => void resets.push(fn.bdf))
  const nvme = host.guest().open('nvme')
  const counts = [resets.length]
  nvme.reset()
  counts.push(resets.length)
  now(host.bus.resetBySysfs(BDF.nvme))
  counts.push(resets.length)
  nvme.close()
  counts.push(resets.length)
  expect(counts).toEqual([1, 2, 3, 4])
})

test('a function without any other reset can be reset by it', () => {
  const host = withReset('edu', () => {})
  expect(failure(() => host.guest().open('edu').reset())).toBeUndefined()
  expect(failure(() => now(host.bus.resetBySysfs(BDF.edu)))).toBeUndefined()
  expect(failure(() => new Host().guest().open('edu').reset())).toBe('EINVAL')
})

test('it reaches registers, BARs once memory is on, and FLR', () => {
  const found: unknown[] = []
  const use = ({ config, bar, flr }: ResetHost) => {
    const out = new Uint8Array(1)
    bar(0).read(0, out)
    found.push(config.read(0, 2), out[0])
    config.write(4, 2, 2)
    bar(0).write(0, Uint8Array.of(7))
    bar(0).read(0, out)
    found.push(out[0], flr())
  }
  withReset('nvme', use).guest().open('nvme')
  expect(found).toEqual([0x1b36, 0xff, 7, 'ok'])
})

describe('what it answers', () => {
  test('ENOTTY: the next method is tried', () => {
    const nvme = withReset('nvme', () => 'ENOTTY')
      .guest()
      .open('nvme')
    expect(failure(() => nvme.reset())).toBeUndefined()
  })

  test.each(['EIO', 'ETIME'] as const)(
    '%s is what the caller gets, and no other method is tried',
    (errno) => {
      let fails = false
      const nvme = withReset('nvme', () => (fails ? errno : undefined))
        .guest()
        .open('nvme')
      fails = true
      expect(failure(() => nvme.reset())).toBe(errno)
    },
  )

  test.each<readonly [string, () => unknown, RegExp]>([
    [
      'throws',
      () => {
        throw new Error('no clock')
      },
      /reset failed: no clock/,
    ],
    ['answers with a promise', () => Promise.resolve(), /promise/],
    ['answers nonsense', () => 'EPERM', /it answered EPERM, not one of ENOTTY, EIO, ETIME/],
  ])('one that %s is told, and counts as ENOTTY', (_what, reset, told) => {
    const host = withReset('nvme', reset as () => undefined)
    const nvme = host.guest().open('nvme')
    expect(failure(() => nvme.reset())).toBeUndefined()
    expect(host.bus.failureLines[0]).toMatch(told)
    expect(host.busyLocks()).toEqual([])
  })

  test('one that fails to match is told', () => {
    const matches = () => {
      throw new Error('oh')
    }
    const host = new Host({ vendorResets: [{ name: 'vendor', matches, reset: () => {} }], bind: ['edu'] })
    expect(host.hardware('edu').resetMethods).toEqual([])
    expect(host.bus.failureLines).toContain('vendor on 0000:01:00.2: matches failed: oh')
  })
})
