import { runLive } from '@vfiokit/locking'
import { KERNEL_VERSIONS, LiveHost } from '@vfiokit/vfio-core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { failure, now } from '../fixtures/guest.ts'
import { Host } from '../fixtures/host.ts'
import { NVME_MSIX } from '../fixtures/machine.ts'
import { spyOn } from '../fixtures/spy-model.ts'

describe.each(KERNEL_VERSIONS)('at the end of a BAR on %s', (kernel) => {
  test('T18 a read behind it is EINVAL, one across it is short', () => {
    const nvme = new Host({ kernel }).guest().open('nvme')
    expect(failure(() => nvme.read(0, 0x4000, 4))).toBe('EINVAL')
    expect(failure(() => nvme.read(0, 2 ** 40 - 1, 1))).toBe('EINVAL')
    expect(nvme.read(0, 0x3ffc, 8)).toHaveLength(4)
    expect(nvme.write(0, 0x3ffe, new Uint8Array(8))).toBe(2)
  })

  test('a BAR that is not there is EINVAL, and so is an index that no region has', () => {
    const nvme = new Host({ kernel }).guest().open('nvme')
    for (const index of [1, 5, 8, 9, 4000]) {
      expect(failure(() => nvme.read(index, 0, 4))).toBe('EINVAL')
      expect(failure(() => nvme.write(index, 0, new Uint8Array(4)))).toBe('EINVAL')
    }
  })
})

describe.each(KERNEL_VERSIONS)('the MSI-X table on %s', (kernel) => {
  const { offset, sizeBytes } = NVME_MSIX

  test.each([true, false])('T19 reads ff and swallows writes, with memory on: %s', (memory) => {
    const spy = spyOn('nvme')
    const nvme = new Host({ kernel, models: [spy.model] }).guest().open('nvme')
    nvme.setMemory(memory)
    spy.accesses.length = 0
    expect([...nvme.read(0, offset, 4)]).toEqual([0xff, 0xff, 0xff, 0xff])
    expect(nvme.write(0, offset + sizeBytes - 4, new Uint8Array(4))).toBe(4)
    expect(spy.accesses).toEqual([])
  })

  test('an access that runs into it and out of it is cut at both edges', () => {
    const spy = spyOn('nvme')
    const nvme = new Host({ kernel, models: [spy.model] }).guest().open('nvme')
    spy.accesses.length = 0
    expect(nvme.read(0, offset - 6, sizeBytes + 8)).toHaveLength(sizeBytes + 8)
    expect(spy.accesses).toEqual(['r2@0x1ffa', 'r4@0x1ffc', 'r2@0x2410'])
  })

  test('through a mapping it is the real table', () => {
    const map = new Host({ kernel }).guest().open('nvme').map(0, offset)
    map.store(0, 0x1234)
    expect(map.load(0)).toBe(0x1234)
  })
})

describe('widths', () => {
  test.each(KERNEL_VERSIONS)('T20 an unaligned read is cut into aligned accesses (%s)', (kernel) => {
    const spy = spyOn('nvme')
    const nvme = new Host({ kernel, models: [spy.model] }).guest().open('nvme')
    spy.accesses.length = 0
    nvme.read(0, 1, 7)
    nvme.write(0, 3, new Uint8Array(6))
    expect(spy.accesses).toEqual(['r1@0x1', 'r2@0x2', 'r4@0x4', 'w1@0x3', 'w4@0x4', 'w1@0x8'])
  })

  test.each(KERNEL_VERSIONS)('T21 the widest access of %s', (kernel) => {
    const spy = spyOn('nvme')
    const host = new Host({ models: [spy.model], kernel })
    const nvme = host.guest().open('nvme')
    spy.accesses.length = 0
    nvme.read(0, 0x100, 16)
    const wide = ['r8@0x100', 'r8@0x108']
    const narrow = ['r4@0x100', 'r4@0x104', 'r4@0x108', 'r4@0x10c']
    expect(spy.accesses).toEqual(kernel === '5.10' || kernel === '6.1' ? narrow : wide)
  })

  test('I/O ports are at most 4 bytes wide', () => {
    const spy = spyOn('testdev')
    const testdev = new Host({ models: [spy.model] }).guest().open('testdev')
    spy.accesses.length = 0
    testdev.read(1, 0, 8)
    expect(spy.accesses).toEqual(['r4@0x0', 'r4@0x4'])
  })
})

test.each(KERNEL_VERSIONS)('T16 an I/O BAR is accessed whatever the decode bits say (%s)', (kernel) => {
  const host = new Host({ kernel })
  const testdev = host.guest().open('testdev')
  testdev.write(1, 0, Uint8Array.of(7))
  testdev.setConfig(4, 2, 0)
  expect(testdev.read(1, 0, 1)[0]).toBe(0xff)
  testdev.setConfig(4, 2, 1)
  expect(testdev.read(1, 0, 1)[0]).toBe(7)
})

test('memory that goes off in the middle loses the count, not what was written before', () => {
  const host = new Host()
  const nvme = host.guest().open('nvme')
  let left = 2
  const { accessible } = host.device('nvme').cells
  const compute = accessible.compute.bind(accessible)
  Object.assign(accessible, { compute: () => left-- > 0 && compute() })
  expect(failure(() => nvme.write(0, 0, new Uint8Array(32).fill(0x11)))).toBe('EIO')
  left = Number.POSITIVE_INFINITY
  expect([...nvme.read(0, 0, 32)]).toEqual([...new Array(16).fill(0x11), ...new Array(16).fill(0)])
  expect(host.busyLocks()).toEqual([])
})

test.each(KERNEL_VERSIONS)(
  'T69 the buffer of a read may be a mapping of a BAR of the same slot (%s)',
  (kernel) => {
    const host = new Host({ kernel })
    const vm = host.guest()
    const nvme = vm.open('nvme')
    const edu = vm.open('edu')
    const map = edu.map(0)
    nvme.write(
      0,
      0x100,
      Uint8Array.from({ length: 24 }, (_, at) => at),
    )
    expect(now(nvme.calls.read(0, 0x100, { address: map.address + 3, lengthBytes: 24 }))).toBe(24)
    expect(map.load(3, 1)).toBe(0)
    expect(map.load(26, 1)).toBe(23)
    expect(now(nvme.calls.write(0, 0x200, { address: map.address + 4, lengthBytes: 8 }))).toBe(8)
    expect([...nvme.read(0, 0x200, 8)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  },
)

describe('an access that is done at once', () => {
  const requests = fc.record({
    index: fc.integer({ min: 0, max: 9 }),
    offset: fc.oneof(
      fc.nat(0x40),
      fc.integer({ min: NVME_MSIX.offset - 16, max: NVME_MSIX.offset + 16 }),
      fc.integer({ min: 0x3ff0, max: 0x4010 }),
    ),
    length: fc.integer({ min: 0, max: 17 }),
    memory: fc.boolean(),
    write: fc.boolean(),
    kernel: fc.constantFrom(...KERNEL_VERSIONS),
    name: fc.constantFrom('nvme' as const, 'testdev' as const, 'lone' as const),
  })

  /** One access on a fresh host: what it answers, what reached the device, what is left in it. */
  function outcome(
    request: typeof requests extends fc.Arbitrary<infer T> ? T : never,
    way: 'live' | 'operation',
  ) {
    const spy = spyOn(request.name)
    const host = new Host({
      models: [spy.model],
      kernel: request.kernel,
      bind: ['nvme', 'nic', 'edu', 'testdev', 'lone'],
    })
    const device = host.guest().open(request.name)
    const process = way === 'live' ? new LiveHost(host.core).process('vm0') : undefined
    for (let at = 0; at < 0x40; at += 4)
      if (request.name !== 'lone') device.write(0, at, Uint8Array.of(at, 1, 2, 3))
    device.setMemory(request.memory)
    spy.accesses.length = 0
    const buffer = Uint8Array.from({ length: request.length }, (_, at) => at)
    const at = request.index * 2 ** 40 + request.offset
    const call = request.write ? 'pwrite' : 'pread'
    const done = { value: -1 }
    const failed = failure(() => {
      const result =
        process === undefined
          ? runLive(device.guest.calls[call](device.calls.fd, buffer, at))
          : process[call](device.calls.fd, buffer, at)
      if (result instanceof Promise) throw new Error('nobody else is there')
      done.value = result
    })
    expect(host.busyLocks()).toEqual([])
    return { failed, done, buffer: [...buffer], accesses: spy.accesses }
  }

  test('is the same as the operation', () => {
    fc.assert(
      fc.property(requests, (request) => {
        expect(outcome(request, 'live')).toEqual(outcome(request, 'operation'))
      }),
      { numRuns: 150 },
    )
  })

  test('is really taken for one aligned access, and only for that', () => {
    const host = new Host()
    const driver = host.driver('nvme')
    host.guest().open('nvme')
    const at = (offset: number, length: number) => driver.readNow(offset, new Uint8Array(length))
    expect([1, 2, 4, 8].map((length) => at(0x100, length))).toEqual([1, 2, 4, 8])
    expect([
      at(0x101, 2),
      at(0x100, 3),
      at(0x100, 16),
      at(NVME_MSIX.offset, 4),
      at(0x4000, 4),
      at(2 ** 40, 4),
    ]).toEqual(new Array(6).fill(undefined))
  })
})
