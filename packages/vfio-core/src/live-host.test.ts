import { type AnyLockingStrategy, runLive } from '@vfiokit/locking'
import { unmapRange, vmaList } from '@vfiokit/locking-strategies'
import {
  type LiveProcess,
  type Protection,
  type UserBuffer,
  VfioError,
  type VfioProcess,
  VfioSignal,
} from '@vfiokit/vfio-core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CONTROL_REGION, MEMORY_REGION, REGION_SPAN } from './fixtures/fake-device.ts'
import { type Machine, machine, now, opened, RW } from './fixtures/machine.ts'

const PAGE = 0x1000
const strategies = [unmapRange, vmaList] as AnyLockingStrategy[]

/** The calls of a process at which nobody contends, however they are made. */
interface Plain {
  pread(fd: number, buffer: UserBuffer, offset: number): unknown
  pwrite(fd: number, buffer: UserBuffer, offset: number): unknown
  mmap(request: {
    fd: number
    offset: number
    lengthBytes: number
    protection: Protection
    shared: boolean
  }): unknown
  munmap(address: number, lengthBytes: number): unknown
  mprotect(address: number, lengthBytes: number, protection: Protection): unknown
  load(address: number, out: Uint8Array): unknown
  store(address: number, data: Uint8Array): unknown
}

const place = fc.nat({ max: 20 * PAGE })
const width = fc.constantFrom(0, 1, 2, 4, 8, 12)
const step = fc.oneof(
  fc.record({ do: fc.constant('load' as const), place, width }),
  fc.record({ do: fc.constant('store' as const), place, width, value: fc.nat({ max: 255 }) }),
  fc.record({ do: fc.constant('pread' as const), region: fc.constantFrom(0, 0, 1, 2, 9), place, width }),
  fc.record({
    do: fc.constant('pwrite' as const),
    region: fc.constantFrom(0, 0, 9),
    place,
    width,
    value: fc.nat({ max: 255 }),
  }),
  fc.record({ do: fc.constant('pread-user' as const), from: place, place, width }),
  fc.record({
    do: fc.constant('odd-read' as const),
    fd: fc.constantFrom(-1, 0, 3, 99),
    offset: fc.constantFrom(-1, 0.5, 0),
  }),
  fc.record({ do: fc.constant('enable' as const), on: fc.boolean() }),
  fc.record({
    do: fc.constant('mmap' as const),
    region: fc.constantFrom(0, 9, 2),
    pages: fc.nat({ max: 4 }),
  }),
  fc.record({ do: fc.constant('munmap' as const), place, pages: fc.nat({ max: 3 }) }),
  fc.record({ do: fc.constant('mprotect' as const), place, pages: fc.nat({ max: 3 }), write: fc.boolean() }),
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

function doStep(calls: Plain, fd: number, base: number, one: Step): unknown {
  switch (one.do) {
    case 'load': {
      const out = new Uint8Array(one.width)
      return [calls.load(base + one.place, out), [...out]]
    }
    case 'store':
      return calls.store(base + one.place, new Uint8Array(one.width).fill(one.value))
    case 'pread': {
      const out = new Uint8Array(one.width)
      return [calls.pread(fd, out, one.region * REGION_SPAN + one.place), [...out]]
    }
    case 'pwrite':
      return calls.pwrite(fd, new Uint8Array(one.width).fill(one.value), one.region * REGION_SPAN + one.place)
    case 'pread-user':
      return calls.pread(fd, { address: base + one.place, lengthBytes: one.width }, one.from)
    case 'odd-read':
      return calls.pread(one.fd, new Uint8Array(2), one.offset)
    case 'enable':
      return calls.pwrite(fd, Uint8Array.of(one.on ? 1 : 0), CONTROL_REGION * REGION_SPAN)
    case 'mmap':
      return calls.mmap({
        fd,
        offset: one.region * REGION_SPAN,
        lengthBytes: one.pages * PAGE,
        protection: RW,
        shared: true,
      })
    case 'munmap':
      return calls.munmap(base + Math.floor(one.place / PAGE) * PAGE, one.pages * PAGE)
    case 'mprotect':
      return calls.mprotect(base + Math.floor(one.place / PAGE) * PAGE, one.pages * PAGE, {
        ...RW,
        write: one.write,
      })
  }
}

/** What a call gave or threw, as far as its caller can tell. */
function told(act: () => unknown): unknown {
  try {
    return act()
  } catch (error) {
    if (VfioSignal.is(error)) return [error.signal, error.code, error.message]
    if (VfioError.is(error)) return [error.errno, error.reason, error.message]
    if (error instanceof RangeError) return error.message
    throw error
  }
}

function started(strategy: AnyLockingStrategy): {
  made: Machine
  fd: number
  base: number
  live: LiveProcess
} {
  const made = machine({ strategy })
  const calls = made.core.process('p')
  const [device] = now(opened(calls, ['d0']))
  return { made, fd: device!.fd, base: now(device!.mmap(0, 0, 4 * PAGE)), live: made.host.process('p') }
}

describe.each(strategies)('a live process under $name', (strategy) => {
  test('does what the operations of the engine do, and never promises while nobody contends', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const one = started(strategy)
        const other = started(strategy)
        const { calls } = other.live
        const operations: Plain = {
          pread: (...args) => now(calls.pread(...args)),
          pwrite: (...args) => now(calls.pwrite(...args)),
          mmap: (...args) => now(calls.mmap(...args)),
          munmap: (...args) => now(calls.munmap(...args)),
          mprotect: (...args) => now(calls.mprotect(...args)),
          load: (...args) => now(calls.load(...args)),
          store: (...args) => now(calls.store(...args)),
        }
        for (const each of steps) {
          const live = told(() => doStep(one.live, one.fd, one.base, each))
          expect(live).not.toBeInstanceOf(Promise)
          expect(live).toEqual(told(() => doStep(operations, other.fd, other.base, each)))
          expect(stateOf(one.made)).toEqual(stateOf(other.made))
        }
        expect(bytesOf(one.made).equals(bytesOf(other.made))).toBe(true)
      }),
      { numRuns: 40 },
    )
  })

  test('waits with a promise for a fault that is contended, and ends as told by what it finds then', async () => {
    const { made, live, fd, base } = started(strategy)
    const { device, bar } = made.drivers[0]!
    const { memoryLock } = device.state as {
      memoryLock: { tryTake(mode: 'write'): boolean; drop(mode: 'write'): void }
    }
    memoryLock.tryTake('write')
    const stored = live.store(base, Uint8Array.of(7))
    expect(stored).toBeInstanceOf(Promise)
    memoryLock.drop('write')
    await stored
    expect([bar[0], device.presentBarPages > 0]).toEqual([7, true])

    const off = live.pwrite(fd, Uint8Array.of(0), CONTROL_REGION * REGION_SPAN)
    expect(off).toBe(1)
    memoryLock.tryTake('write')
    const failed = live.load(base, new Uint8Array(4))
    memoryLock.drop('write')
    await expect(failed).rejects.toMatchObject({ signal: 'SIGBUS', code: 2 })
    expect(made.core.locks.busy()).toEqual([])
  })

  test('finds nothing where a mapping was that was unmapped while its fault waited', async () => {
    const { made, live, base } = started(strategy)
    const { mmapLock } = live.calls.process
    mmapLock.tryTake('write')
    const unmapped = live.munmap(base, 4 * PAGE)
    const loaded = live.load(base, new Uint8Array(4))
    expect([unmapped, loaded]).toEqual([expect.any(Promise), expect.any(Promise)])
    mmapLock.drop('write')
    await unmapped
    await expect(loaded).rejects.toMatchObject({ signal: 'SIGSEGV', code: 1 })
    expect(made.drivers[0]!.device.presentBarPages).toBe(0)
    expect(made.core.locks.busy()).toEqual([])
  })

  test('waits behind whoever waits to unmap, though the lock could be read now', async () => {
    const { made, live, base } = started(strategy)
    const { mmapLock } = live.calls.process
    mmapLock.tryTake('read')
    const unmapped = live.munmap(base, 4 * PAGE)
    const loaded = live.load(base, new Uint8Array(4))
    mmapLock.drop('read')
    await unmapped
    await expect(loaded).rejects.toMatchObject({ signal: 'SIGSEGV', code: 1 })
    expect(made.drivers[0]!.device.presentBarPages).toBe(0)
  })

  test('faults ordinary memory in while the device is locked', () => {
    const { made, live, fd } = started(strategy)
    const offset = MEMORY_REGION * REGION_SPAN
    const address = live.mmap({ fd, offset, lengthBytes: PAGE, protection: RW, shared: true }) as number
    const { memoryLock } = made.drivers[0]!.device.state as {
      memoryLock: { tryTake(mode: 'write'): boolean }
    }
    memoryLock.tryTake('write')
    expect(live.load(address, new Uint8Array(4))).toBeUndefined()
  })

  test('loads what is present while the device is locked: no lock stands before a page that is there', () => {
    const { made, live, base } = started(strategy)
    live.store(base, Uint8Array.of(1))
    const { memoryLock } = made.drivers[0]!.device.state as {
      memoryLock: { tryTake(mode: 'write'): boolean }
    }
    memoryLock.tryTake('write')
    expect(live.load(base, new Uint8Array(4))).toBeUndefined()
  })

  test('waits with a promise for a read that is contended', async () => {
    const { made, live, fd } = started(strategy)
    const { device, bar } = made.drivers[0]!
    bar[3] = 9
    const { memoryLock } = device.state as {
      memoryLock: { tryTake(mode: 'write'): boolean; drop(mode: 'write'): void }
    }
    memoryLock.tryTake('write')
    const out = new Uint8Array(4)
    const read = live.pread(fd, out, 0)
    const written = live.pwrite(fd, Uint8Array.of(1), 8)
    expect([read, written]).toEqual([expect.any(Promise), expect.any(Promise)])
    memoryLock.drop('write')
    expect([await read, await written, [...out], bar[8]]).toEqual([4, 1, [0, 0, 0, 9], 1])
  })
})

/** What there is to see of a machine, but for the bytes of its devices. */
function stateOf({ core, drivers }: Machine): unknown {
  return [
    drivers.map(({ device }) => [device.presentBarPages, device.addressSpace.zappedPages]),
    core
      .process('p')
      .process.vmas.map(({ start, pages, presentPages, protection }) => [
        start,
        pages,
        presentPages,
        protection.write,
      ]),
    core.locks.busy(),
  ]
}

function bytesOf({ drivers }: Machine): Buffer {
  return Buffer.concat(drivers.flatMap(({ bar, memory }) => [bar, memory]))
}

describe('a live host', () => {
  test('has one face for each process', () => {
    const { host, core } = machine()
    expect(host.process('p')).toBe(host.process('p'))
    expect(host.of(core.process('p'))).toBe(host.process('p'))
    expect(host.process('p').id).toBe('p')
  })

  test('forks, sends and exits, at once while nobody contends', () => {
    const { made, live, fd, base } = started(unmapRange)
    const child = live.fork('child') as LiveProcess
    expect(child).toBe(made.host.process('child'))
    child.store(base, Uint8Array.of(4))
    expect(made.drivers[0]!.bar[0]).toBe(4)
    expect(live.send(fd, made.host.process('q'))).toBe(3)
    expect(live.exit()).toBeUndefined()
    expect(made.host.process('q').pread(3, new Uint8Array(4), MEMORY_REGION * REGION_SPAN)).toBe(4)
    expect(() => live.send(0, { id: 'stranger' } as VfioProcess)).toThrow(TypeError)
  })

  test('answers a contended fork with a promise of the child', async () => {
    const { made, live } = started(unmapRange)
    live.calls.process.mmapLock.tryTake('read')
    const child = live.fork('child')
    expect(child).toBeInstanceOf(Promise)
    live.calls.process.mmapLock.drop('read')
    expect(await child).toBe(made.host.process('child'))
    expect(await runLive(live.calls.exit())).toBeUndefined()
  })

  test('opens, asks and closes', () => {
    const { live } = started(unmapRange)
    const container = live.open('/dev/vfio/vfio') as number
    expect(live.ioctl(container, 0x3b64)).toBe(0)
    expect(live.close(container)).toBeUndefined()
    expect(() => live.close(container)).toThrow('EBADF')
  })
})
