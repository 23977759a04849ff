import {
  type AnyLockingStrategy,
  ControlledDriver,
  InvariantMonitor,
  randomSchedule,
  record,
  runLive,
} from '@vfiokit/locking'
import { unmapRange, vmaList } from '@vfiokit/locking-strategies'
import {
  type DeviceCalls,
  type EngineCalls,
  type MmapRequest,
  type Protection,
  VfioSignal,
} from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { CONTROL_REGION, MEMORY_REGION } from '../fixtures/fake-device.ts'
import { type MachineOptions, machine, now, opened, RW, thrownBy } from '../fixtures/machine.ts'

const PAGE = 0x1000
const READ: Protection = { read: true, write: false, execute: false }
const NONE: Protection = { read: false, write: false, execute: false }
const EXECUTE: Protection = { read: true, write: false, execute: true }

function mapped(options: MachineOptions = {}) {
  const made = machine(options)
  const calls = made.core.process('p')
  const [device] = now(opened(calls, ['d0'])) as [DeviceCalls]
  const request: MmapRequest = {
    fd: device.fd,
    offset: 0,
    lengthBytes: 4 * PAGE,
    protection: RW,
    shared: true,
  }
  return { ...made, calls, device, request, driver: made.drivers[0]! }
}

const load = (calls: EngineCalls, address: number) => now(calls.load(address, new Uint8Array(4)))

describe('mmap', () => {
  test.each([
    [{ offset: 1 }, 'EINVAL', 'bad-alignment'],
    [{ offset: 1, fd: 99, lengthBytes: 0 }, 'EINVAL', 'bad-alignment'],
    [{ fd: 99 }, 'EBADF', 'bad-fd'],
    [{ fd: 99, lengthBytes: 0 }, 'EBADF', 'bad-fd'],
    [{ lengthBytes: 0 }, 'EINVAL', 'bad-count'],
    [{ fd: 0, lengthBytes: 0 }, 'EINVAL', 'bad-count'],
    [{ fd: 0 }, 'ENODEV', 'not-a-device'],
    [{ protection: EXECUTE }, 'EPERM', 'not-mappable'],
    [{ shared: false }, 'EINVAL', 'not-mappable'],
    [{ offset: 2 ** 60 }, 'EINVAL', 'bad-offset'],
    [{ offset: 2 ** 60, fd: 99 }, 'EBADF', 'bad-fd'],
    [{ offset: -3840 }, 'EINVAL', 'bad-alignment'],
    [{ offset: -4096, lengthBytes: 4096 }, 'EOVERFLOW', 'bad-offset'],
    [{ offset: -8192, lengthBytes: 4096 }, 'EINVAL', 'bad-offset'],
  ] as const)('with %j is %s %s', (change, errno, reason) => {
    const { calls, request, core } = mapped()
    expect(thrownBy(() => now(calls.mmap({ ...request, ...change })))).toMatchObject({ errno, reason })
    expect(calls.process.vmas).toEqual([])
    expect(core.locks.busy()).toEqual([])
  })

  test.each([{ lengthBytes: -1 }, { lengthBytes: Number.NaN }, { offset: 0.5 }])(
    'with %j is a bug of the caller',
    (change) => {
      const { calls, request } = mapped()
      expect(() => now(calls.mmap({ ...request, ...change }))).toThrow(RangeError)
    },
  )

  test('for execution works up to 6.12', () => {
    for (const kernel of ['5.10', '6.1', '6.12'] as const) {
      const { calls, request } = mapped({ kernel })
      const address = now(calls.mmap({ ...request, protection: EXECUTE }))
      now(calls.mprotect(address, PAGE, EXECUTE))
    }
  })

  test('brings in no page, and rounds a length up', () => {
    const { calls, request, driver } = mapped()
    const address = now(calls.mmap({ ...request, lengthBytes: 100 }))
    expect(calls.process.vmas.map(({ pages, presentPages }) => [pages, presentPages])).toEqual([[1, 0]])
    load(calls, address + 4092)
    expect(driver.device.presentBarPages).toBe(1)
    expect(thrownBy(() => load(calls, address + PAGE))).toMatchObject({ signal: 'SIGSEGV', code: 1 })
  })

  test('names mappings the same in every run: by process and address, or as asked', () => {
    for (let run = 0; run < 2; run++) {
      const { calls, request } = mapped()
      now(calls.mmap(request))
      now(calls.mmap({ ...request, id: 'mine' }))
      expect(calls.process.vmas.map(({ id }) => id)).toEqual(['p:0x700000000000', 'mine'])
    }
  })

  test('in a child goes where nothing inherited is', () => {
    const { calls, request } = mapped()
    const address = now(calls.mmap(request))
    const child = now(calls.fork('child'))
    expect(now(child.mmap(request))).toBe(address + 5 * PAGE)
  })
})

describe('munmap', () => {
  test.each([
    [1, PAGE, 'EINVAL'],
    [0, 0, 'EINVAL'],
  ] as const)('of offset %i length %i is %s', (offset, length, errno) => {
    const { calls, request } = mapped()
    const address = now(calls.mmap(request))
    expect(thrownBy(() => now(calls.munmap(address + offset, length)))).toMatchObject({ errno })
    expect(() => now(calls.munmap(-PAGE, PAGE))).toThrow(RangeError)
  })

  test('of what is not mapped is no error', () => {
    const { calls } = mapped()
    now(calls.munmap(0x1000, 0x10000))
  })

  test('of the middle keeps both ends, their pages and what they show', () => {
    const { calls, request, driver } = mapped()
    const address = now(calls.mmap({ ...request, id: 'm' }))
    for (const page of [0, 1, 2, 3]) now(calls.store(address + page * PAGE, Uint8Array.of(10 + page)))
    now(calls.munmap(address + PAGE, 2 * PAGE))
    expect(calls.process.vmas.map(({ id, pages, presentPages }) => [id, pages, presentPages])).toEqual([
      ['m', 1, 1],
      ['m+1+2', 1, 1],
    ])
    expect(driver.device.presentBarPages).toBe(2)
    const out = new Uint8Array(1)
    now(calls.load(address + 3 * PAGE, out))
    expect(out[0]).toBe(13)
    expect(thrownBy(() => load(calls, address + PAGE))).toMatchObject({ signal: 'SIGSEGV', code: 1 })
  })
})

describe('mprotect', () => {
  test('decides what a load and a store may do, page by page', () => {
    const { calls, request } = mapped()
    const address = now(calls.mmap(request))
    load(calls, address)
    now(calls.mprotect(address, PAGE, NONE))
    now(calls.mprotect(address + PAGE, PAGE, READ))
    expect(thrownBy(() => load(calls, address))).toMatchObject({ signal: 'SIGSEGV', code: 2 })
    load(calls, address + PAGE)
    expect(thrownBy(() => now(calls.store(address + PAGE, Uint8Array.of(1))))).toMatchObject({
      signal: 'SIGSEGV',
      code: 2,
    })
    now(calls.store(address + 2 * PAGE, Uint8Array.of(1)))
    expect(calls.process.vmas.map(({ pages }) => pages)).toEqual([1, 1, 2])
    expect(calls.process.vmas[0]!.presentPages).toBe(1)
  })

  test('of nothing works anywhere; inside a page it is EINVAL, over a gap ENOMEM', () => {
    const { calls, request } = mapped()
    const address = now(calls.mmap(request))
    now(calls.mprotect(0x1000, 0, READ))
    expect(thrownBy(() => now(calls.mprotect(address + 1, PAGE, READ)))).toMatchObject({ errno: 'EINVAL' })
    expect(thrownBy(() => now(calls.mprotect(address - PAGE, 2 * PAGE, READ)))).toMatchObject({
      errno: 'ENOMEM',
    })
    expect(calls.process.vmas.map(({ protection }) => protection)).toEqual([RW])
    expect(thrownBy(() => now(calls.mprotect(address, 5 * PAGE, READ)))).toMatchObject({ errno: 'ENOMEM' })
    expect(calls.process.vmas.map(({ protection }) => protection)).toEqual([READ])
  })

  test('for execution is EACCES where a mapping for execution is EPERM', () => {
    const { calls, request, core } = mapped()
    const address = now(calls.mmap(request))
    expect(thrownBy(() => now(calls.mprotect(address, PAGE, EXECUTE)))).toMatchObject({ errno: 'EACCES' })
    expect(core.locks.busy()).toEqual([])
  })
})

describe.each([unmapRange, vmaList] as AnyLockingStrategy[])('a touch under $name', (strategy) => {
  test('faults, is zapped with the memory, and faults again at the same place', () => {
    const { calls, device, request, driver } = mapped({ strategy })
    const address = now(calls.mmap(request))
    now(calls.store(address + 2 * PAGE + 8, Uint8Array.of(0x5a)))
    expect(driver.device.presentBarPages).toBeGreaterThan(0)
    now(device.write(CONTROL_REGION, 0, Uint8Array.of(0)))
    expect(driver.device.presentBarPages).toBe(0)
    expect(thrownBy(() => load(calls, address + 2 * PAGE))).toMatchObject({ signal: 'SIGBUS', code: 2 })
    now(device.write(CONTROL_REGION, 0, Uint8Array.of(1)))
    expect(driver.device.presentBarPages).toBe(0)
    const out = new Uint8Array(1)
    now(calls.load(address + 2 * PAGE + 8, out))
    expect(out[0]).toBe(0x5a)
  })

  test('of ordinary memory neither counts nor goes with the memory of the device', () => {
    const { calls, device, driver } = mapped({ strategy })
    const address = now(device.mmap(MEMORY_REGION, 0, PAGE))
    now(calls.store(address, Uint8Array.of(3)))
    now(device.write(CONTROL_REGION, 0, Uint8Array.of(0)))
    expect([driver.device.presentBarPages, calls.process.vmas[0]!.presentPages > 0]).toEqual([0, true])
    const out = new Uint8Array(1)
    now(calls.load(address, out))
    expect(out[0]).toBe(3)
    // Also a page that was never there: its fault asks nothing of the memory of the device.
    const other = now(device.mmap(MEMORY_REGION, PAGE, PAGE))
    load(calls, other)
  })

  test('after a fork shows the same pages, and one munmap leaves the other alone', () => {
    const { calls, request, driver, core } = mapped({ strategy })
    const address = now(calls.mmap(request))
    now(calls.store(address, Uint8Array.of(1, 2, 3, 4)))
    const child = now(calls.fork('child'))
    const out = new Uint8Array(4)
    now(child.load(address, out))
    expect([...out]).toEqual([1, 2, 3, 4])
    now(child.munmap(address, PAGE))
    load(calls, address)
    expect(thrownBy(() => load(child, address))).toMatchObject({ signal: 'SIGSEGV' })
    expect(() => now(calls.fork('child'))).toThrow(TypeError)
    now(calls.exit())
    now(child.exit())
    expect(driver.device.presentBarPages).toBe(0)
    expect(core.locks.busy()).toEqual([])
  })

  test.each([
    ['read', true],
    ['write', true],
    ['execute', true],
    ['nothing', false],
  ])('a load works through a mapping for %s: %s', (what, works) => {
    const { calls, request } = mapped({ strategy, kernel: '6.12' })
    const protection = { read: what === 'read', write: what === 'write', execute: what === 'execute' }
    const address = now(calls.mmap({ ...request, protection }))
    if (works) load(calls, address)
    else expect(thrownBy(() => load(calls, address))).toMatchObject({ signal: 'SIGSEGV', code: 2 })
  })

  test('that crosses a page is two touches, and asked as one it is a bug of the caller', () => {
    const { calls, request } = mapped({ strategy })
    const address = now(calls.mmap(request))
    expect(() => load(calls, address + PAGE - 2)).toThrow(RangeError)
  })
})

describe('a child', () => {
  test('has the descriptors of its parent, closed ones included', () => {
    const { calls } = mapped()
    now(calls.close(1))
    const child = now(calls.fork('child'))
    expect([...child.process.files]).toEqual([...calls.process.files])
    now(child.close(0))
    expect(calls.process.file(0).isReleased).toBe(false)
    now(calls.close(0))
    expect(calls.process.files.has(0)).toBe(false)
  })
})

/** Everything that can happen to a mapping at once, in one order after another. */
describe.each([unmapRange, vmaList] as AnyLockingStrategy[])('at once under $name', (strategy) => {
  test.each(Array.from({ length: 40 }, (_, seed) => seed))(
    'seed %i: touch, cut, protect, fork, disable, unmap',
    (seed) => {
      const { calls, device, request, core, drivers } = mapped({ strategy })
      const address = now(calls.mmap(request))
      const monitor = new InvariantMonitor(strategy, [...core.devices.values()])
      const driver = new ControlledDriver({ schedule: randomSchedule(seed), watchers: [monitor.watch] })
      driver.spawn('touch', touches(calls, address))
      driver.spawn('touch too', touches(calls, address))
      driver.spawn('toggle', toggles(device))
      driver.spawn('cut', calls.munmap(address + PAGE, PAGE))
      driver.spawn('protect', calls.mprotect(address + 3 * PAGE, PAGE, READ))
      driver.spawn('fork', forkAndTouch(calls, address))
      const { verdict, failures } = driver.run()
      expect(verdict).toBe('finished')
      expect(failures).toEqual([])
      expect(monitor.broken).toEqual([])
      expect(core.locks.busy()).toEqual([])
      now(calls.exit())
      now(core.process('child').exit())
      expect(
        drivers.map(({ device: { presentBarPages, lifecycle } }) => [presentBarPages, lifecycle.state]),
      ).toEqual([
        [0, 'closed'],
        [0, 'closed'],
      ])
    },
  )
})

/** Touches what may be gone: only the signals that this can mean are let pass. */
function* touches(calls: EngineCalls, address: number) {
  for (const page of [0, 1, 2, 3, 1, 3]) {
    try {
      yield* calls.store(address + page * PAGE, Uint8Array.of(page))
    } catch (error) {
      const allowed =
        page === 1 ? ['SIGBUS 2', 'SIGSEGV 1'] : page === 3 ? ['SIGBUS 2', 'SIGSEGV 2'] : ['SIGBUS 2']
      if (!VfioSignal.is(error) || !allowed.includes(`${error.signal} ${error.code}`)) throw error
    }
  }
}

function* toggles(device: DeviceCalls) {
  for (const on of [0, 1, 0, 1]) yield* device.write(CONTROL_REGION, 0, Uint8Array.of(on))
}

function* forkAndTouch(calls: EngineCalls, address: number) {
  const child = yield* calls.fork('child')
  yield* touches(child, address)
}

describe('a fault that waited', () => {
  test('finds the piece of a mapping that was cut meanwhile', async () => {
    const { calls, request } = mapped()
    const address = now(calls.mmap(request))
    calls.process.mmapLock.tryTake('write')
    const cut = runLive(calls.munmap(address + PAGE, PAGE))
    const stored = runLive(calls.store(address + 3 * PAGE, Uint8Array.of(9)))
    const lost = runLive(calls.store(address + PAGE, Uint8Array.of(9)))
    calls.process.mmapLock.drop('write')
    await cut
    await stored
    await expect(lost).rejects.toMatchObject({ signal: 'SIGSEGV', code: 1 })
    expect(calls.process.vmas.map(({ pages, presentPages }) => [pages, presentPages])).toEqual([
      [1, 0],
      [2, 1],
    ])
  })
})

describe('an access that is about to be made', () => {
  test.each([
    ['protected', (calls: EngineCalls, address: number) => calls.mprotect(address, 4 * PAGE, NONE), 2],
    ['unmapped', (calls: EngineCalls, address: number) => calls.munmap(address, 4 * PAGE), 1],
  ] as const)('is not made any more when its page was %s first', (_what, first, code) => {
    const { calls, request, core, drivers } = mapped()
    const address = now(calls.mmap(request))
    load(calls, address)
    // The one that was spawned last goes first, to its end.
    const driver = new ControlledDriver({ schedule: (count) => count - 1 })
    driver.spawn('store', calls.store(address, Uint8Array.of(1)))
    driver.spawn('first', first(calls, address))
    const { failures } = driver.run()
    expect(failures).toEqual([{ task: 'store', error: expect.objectContaining({ signal: 'SIGSEGV', code }) }])
    expect(drivers[0]!.bar[0]).toBe(0)
    expect(core.locks.busy()).toEqual([])
  })
})

describe('a strategy that keeps track of mappings', () => {
  test('hears of a cut, a fork and an unmap, and forgets a mapping only without pages', () => {
    const heard: string[] = []
    const strategy: AnyLockingStrategy = {
      ...unmapRange,
      // biome-ignore lint/correctness/useYield: it only listens
      *vmaOpened(_device, { id, presentPages, isLinked }) {
        heard.push(`opened ${id}, ${presentPages} pages, ${isLinked}`)
      },
      // biome-ignore lint/correctness/useYield: it only listens
      *vmaClosed(_device, { id, presentPages }) {
        heard.push(`closed ${id}, ${presentPages} pages`)
      },
    }
    const { calls, device, request } = mapped({ strategy })
    const address = now(calls.mmap({ ...request, id: 'm' }))
    const memory = now(device.mmap(MEMORY_REGION, 0, 2 * PAGE))
    for (const page of [0, 1, 2, 3]) load(calls, address + page * PAGE)
    expect(heard.splice(0)).toEqual([])
    now(calls.munmap(address + PAGE, PAGE))
    expect(heard.splice(0)).toEqual([
      'opened m, 1 pages, true',
      'opened m+1, 3 pages, true',
      'closed m, 0 pages',
      'opened m+1, 1 pages, true',
      'opened m+1+1, 2 pages, true',
      'closed m+1, 0 pages',
      'closed m+1, 0 pages',
    ])
    now(calls.fork('child'))
    expect(heard.splice(0)).toEqual(['opened m@child, 1 pages, true', 'opened m+1+1@child, 2 pages, true'])
    // Pages that stay whatever becomes of the device are nobody's business.
    now(calls.munmap(memory, PAGE))
    expect(heard).toEqual([])
  })
})

describe('exit', () => {
  test('takes mmap_lock once, unmaps everything, then closes', () => {
    const { calls, device, request, drivers } = mapped()
    for (let count = 0; count < 3; count++) now(calls.mmap(request))
    now(device.mmap(MEMORY_REGION, 0, PAGE))
    const { steps, outcome, held } = record(calls.exit())
    expect(outcome).toEqual({ value: undefined })
    expect([...held]).toEqual([])
    const lines = steps.map(({ op }) => `${op.kind} ${op.object}`)
    expect(lines.filter((text) => text === 'acquire mmap_lock:p (write)')).toHaveLength(1)
    expect(lines.filter((text) => text.startsWith('effect unmap'))).toHaveLength(4)
    expect([calls.process.vmas.length, calls.process.files.size]).toEqual([0, 0])
    expect(drivers[0]!.log).toEqual(['enable', 'disable'])
    expect(record(calls.exit()).outcome).toEqual({ value: undefined })
  })
})
