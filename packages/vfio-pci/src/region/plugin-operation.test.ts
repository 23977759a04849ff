import { acquire, effect, label, Mutex, type Operation } from '@vfiokit/locking'
import { VfioError } from '@vfiokit/vfio-core'
import type { Region } from '@vfiokit/vfio-pci'
import { describe, expect, test, vi } from 'vitest'
import { failure, type GuestDevice } from '../fixtures/guest.ts'
import { Host } from '../fixtures/host.ts'
import { memoryRegion, provider, trappedRegion } from '../fixtures/regions.ts'
import { PLUGIN_STEPS_MAX } from './plugin-operation.ts'

type Access = (offset: number, bytes: Uint8Array) => Operation<void>

/** A device whose region 9 answers both ways with the given Operation. */
function withOperation(access: Access): { host: Host; nvme: GuestDevice } {
  return withRegion(trappedRegion(new Uint8Array(16), { read: access, write: access }))
}

function withRegion(region: Region): { host: Host; nvme: GuestDevice } {
  const host = new Host({ providers: [provider('nvme', () => [region])] })
  return { host, nvme: host.guest().open('nvme') }
}

const ACCESSES: readonly (readonly [member: string, use: (nvme: GuestDevice) => unknown])[] = [
  ['read', (nvme) => nvme.read(9, 0, 4)],
  ['write', (nvme) => nvme.write(9, 0, new Uint8Array(4))],
]

/** Takes exactly so many steps. */
const stepping = (steps: number): Access =>
  function* () {
    for (let at = 0; at < steps; at++) yield* label('step', at)
  }

test('a read that is an Operation has filled its bytes when the caller sees them', () => {
  const { host, nvme } = withOperation(function* (_, out) {
    for (let at = 0; at < out.length; at++) out[at] = yield* effect(`word ${at}`, [], () => at + 1)
  })
  expect([...nvme.read(9, 0, 4)]).toEqual([1, 2, 3, 4])
  expect(host.bus.failureLines).toEqual([])
})

test('what a step throws reaches the Operation, which may answer all the same', () => {
  const { host, nvme } = withOperation(function* (_, out) {
    try {
      yield* effect('sensor', [], () => {
        throw new Error('no answer')
      })
    } catch {
      out.fill(0xff)
    }
  })
  expect([...nvme.read(9, 0, 2)]).toEqual([0xff, 0xff])
  expect(host.bus.failureLines).toEqual([])
})

describe.each(ACCESSES)('a %s that is an Operation', (member, use) => {
  test('may take 10,000 steps', () => {
    const { host, nvme } = withOperation(stepping(PLUGIN_STEPS_MAX))
    expect(failure(() => use(nvme))).toBeUndefined()
    expect(host.bus.failureLines).toEqual([])
  })

  test.each([
    ['one step more', stepping(PLUGIN_STEPS_MAX + 1)],
    ['steps for ever', stepping(Number.POSITIVE_INFINITY)],
  ])('is stopped at %s: EIO, its finally has run, and the device goes on', (_, access) => {
    const ended = vi.fn()
    const { host, nvme } = withOperation(function* (offset, bytes) {
      try {
        yield* access(offset, bytes)
      } finally {
        ended()
      }
    })
    expect(failure(() => use(nvme))).toBe('EIO')
    expect(ended).toHaveBeenCalledOnce()
    const why = `${member} failed: it had not ended after 10,000 steps and was stopped`
    expect(host.bus.failureLines).toEqual([`sample on 0000:01:00.0: ${why}`])
    expect(host.busyLocks()).toEqual([])
    expect(nvme.read(0, 0, 4)).toHaveLength(4)
    nvme.close()
    expect(host.driver('nvme').open).toBeUndefined()
  })

  test('is left where it stands when not even its finally ends, after 100 steps of that', () => {
    let last = 0
    const { host, nvme } = withOperation(function* () {
      try {
        for (;;) yield* label('once more')
      } finally {
        for (;;) {
          last++
          yield* label('never done')
        }
      }
    })
    expect(failure(() => use(nvme))).toBe('EIO')
    expect(last).toBe(101)
    expect(host.bus.failureLines).toHaveLength(1)
  })

  test('that takes a lock has failed, and the lock is free', () => {
    const lock = new Mutex('own', { fair: true })
    const { host, nvme } = withOperation(function* () {
      yield* acquire(lock)
    })
    expect(failure(() => use(nvme))).toBe('EIO')
    expect(host.bus.failureLines[0]).toContain(`${member} failed: it yielded a step of kind acquire`)
    expect(lock.isIdle).toBe(true)
  })

  test.each([undefined, 7, {}])('that yields %j has failed', (nonsense) => {
    const { host, nvme } = withOperation(function* () {
      yield nonsense as never
    })
    expect(failure(() => use(nvme))).toBe('EIO')
    expect(host.bus.failureLines[0]).toContain('which is no step')
  })

  test('that throws is EIO and told once; a VfioError is an answer', () => {
    const causes = [new Error('boom'), new VfioError('EBUSY', 'contended', 'still measuring')]
    const { host, nvme } = withOperation(function* () {
      yield* label('first')
      throw causes.shift()
    })
    expect([failure(() => use(nvme)), failure(() => use(nvme))]).toEqual(['EIO', 'EBUSY'])
    expect(host.bus.failureLines).toEqual([`sample on 0000:01:00.0: ${member} failed: boom`])
  })
})

describe('a member that answers at once', () => {
  const generator = function* () {} as unknown as () => never
  const rejecting = (() => Promise.reject(new Error('late'))) as unknown as () => never
  const members: readonly (readonly [string, (nvme: GuestDevice) => unknown, string | undefined])[] = [
    ['fault', (nvme) => nvme.map(9).load(), 'SIGBUS'],
    ['capabilities', (nvme) => nvme.region(9), 'EIO'],
    ['resetPrepare', (nvme) => nvme.reset(), undefined],
    ['resetDone', (nvme) => nvme.reset(), undefined],
    ['close', (nvme) => nvme.close(), undefined],
  ]

  test.each(members)('%s: an Operation is a failure, not silence', (member, use, answer) => {
    const { host, nvme } = withRegion(memoryRegion({ [member]: generator }))
    expect(failure(() => use(nvme))).toBe(answer)
    expect(host.bus.failureLines).toEqual([
      `sample on 0000:01:00.0: ${member} failed: it answered with an Operation; only read and write may`,
    ])
  })

  // An unhandled rejection would fail the run.
  test.each(members)(
    '%s: a promise that is rejected later is that one failure',
    async (member, use, answer) => {
      const { host, nvme } = withRegion(memoryRegion({ [member]: rejecting }))
      expect(failure(() => use(nvme))).toBe(answer)
      await new Promise((done) => setImmediate(done))
      expect(host.bus.failureLines).toHaveLength(1)
      expect(host.bus.failureLines[0]).toContain(`${member} failed: it answered with a promise`)
    },
  )
})
