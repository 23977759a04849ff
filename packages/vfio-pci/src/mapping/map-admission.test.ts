import { KERNEL_VERSIONS } from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { failure, now, REGION } from '../fixtures/guest.ts'
import { Host } from '../fixtures/host.ts'
import type { FunctionName } from '../fixtures/machine.ts'
import { barRegion, provider, trappedRegion } from '../fixtures/regions.ts'

const PAGE = 0x1000
describe.each(KERNEL_VERSIONS)('what cannot be mapped on %s', (kernel) => {
  const open = (name: FunctionName) => new Host({ kernel }).guest().open(name)

  test('T12 a private mapping, of a BAR and of anything else', () => {
    const nvme = open('nvme')
    const map = (shared: boolean, index = 0) =>
      now(
        nvme.guest.calls.mmap({
          fd: nvme.calls.fd,
          offset: index * 2 ** 40,
          lengthBytes: PAGE,
          protection: { read: true, write: false, execute: false },
          shared,
        }),
      )
    expect(failure(() => map(false))).toBe('EINVAL')
    expect(failure(() => map(false, 7))).toBe('EINVAL')
    expect(failure(() => map(true))).toBeUndefined()
  })

  test('T13 ROM, configuration space, VGA, what is behind the last region, a region without pages', () => {
    const host = new Host({
      kernel,
      providers: [provider('nic', () => [trappedRegion(new Uint8Array(PAGE))])],
    })
    const nic = host.guest().open('nic')
    for (const index of [REGION.ROM, REGION.CONFIG, REGION.VGA, REGION.OWN, REGION.OWN + 1, 4, 300])
      expect(
        failure(() => nic.map(index)),
        `index ${index}`,
      ).toBe('EINVAL')
  })

  test('T14 a page behind the end of the BAR', () => {
    const edu = open('rootEdu')
    expect(failure(() => edu.map(0, 15 * PAGE, 2 * PAGE))).toBe('EINVAL')
    expect(failure(() => edu.map(0, 16 * PAGE, PAGE))).toBe('EINVAL')
    expect(failure(() => edu.map(0, 15 * PAGE, PAGE))).toBeUndefined()
    expect(failure(() => edu.map(0, 0, 16 * PAGE + 1))).toBe('EINVAL')
    expect(failure(() => edu.map(0, 0, 16 * PAGE))).toBeUndefined()
  })

  test('pages behind the end of a device-specific region', () => {
    const host = new Host({ kernel, providers: [provider('nvme', () => [barRegion()])] })
    const nvme = host.guest().open('nvme')
    expect(failure(() => nvme.map(REGION.OWN, PAGE, 2 * PAGE))).toBe('EINVAL')
    expect(failure(() => nvme.map(REGION.OWN, 0, 2 * PAGE))).toBeUndefined()
  })

  test('T16 an I/O BAR', () => {
    expect(failure(() => open('testdev').map(1, 0, PAGE))).toBe('EINVAL')
  })

  test('T15 a BAR that lies in the middle of a page', () => {
    const lone = open('lone')
    expect(failure(() => lone.map(1))).toBe('EINVAL')
    const map = lone.map(0)
    map.store(0x1fc, 0x77)
    expect(map.load(0x1fc)).toBe(0x77)
  })

  test('a page beyond the reach of one index is one of the next', () => {
    const nic = open('nic')
    const map = nic.map(0, 2 ** 40)
    map.store(0, 0x99)
    expect(nic.read(1, 0, 1)[0]).toBe(0x99)
  })
})

test('nothing is present before it is touched', () => {
  const nvme = new Host().guest().open('nvme')
  expect(nvme.map(0, 0, 4 * PAGE).presentPages).toBe(0)
})
