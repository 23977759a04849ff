import { acquire, effect, Mutex, runLive } from '@vfiokit/locking'
import { LiveHost, VfioError } from '@vfiokit/vfio-core'
import type { TrappedRegion } from '@vfiokit/vfio-pci'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { failure, type GuestDevice } from '../fixtures/guest.ts'
import { Host } from '../fixtures/host.ts'
import { provider, trappedRegion } from '../fixtures/regions.ts'

const SIZE_BYTES = 16
const START = 9 * 2 ** 40
type Member = (offset: number, bytes: Uint8Array) => unknown

/** A device whose region 9 does that in both directions, and a process that takes the short way. */
function withMember(member: Member): {
  host: Host
  nvme: GuestDevice
  live: ReturnType<LiveHost['process']>
} {
  const region = trappedRegion(new Uint8Array(SIZE_BYTES), {
    read: member,
    write: member,
  } as Partial<TrappedRegion>)
  const host = new Host({ providers: [provider('nvme', () => [region])] })
  return { host, nvme: host.guest().open('nvme'), live: new LiveHost(host.core).process('vm0') }
}

/** What a member may do, good and bad. Each writes down in `bytes` that it was there. */
const MEMBERS = {
  fills: (offset, bytes) => void bytes.fill(offset + 1),
  'does nothing': () => {},
  'throws half-way': (_, bytes) => {
    bytes[0] = 7
    throw new Error('boom')
  },
  'throws an errno': () => {
    throw new VfioError('ENODEV', 'unsupported', 'no firmware')
  },
  'answers an errno': (_, bytes) => {
    bytes.fill(9)
    return 'ENXIO'
  },
  'answers nonsense': () => 42,
  'answers with a promise': async () => {},
  'takes steps': function* (offset, bytes) {
    for (const at of bytes.keys()) bytes[at] = yield* effect('word', [], () => offset + at)
  },
  'takes steps to an errno': function* () {
    yield* effect('word', [undefined], () => undefined)
    return 'EAGAIN'
  },
  'takes steps and throws': function* () {
    yield* effect('word', [undefined], () => undefined)
    throw new Error('boom')
  },
  'takes a lock': function* () {
    yield* acquire(new Mutex('own', { fair: true }))
  },
  'never ends': function* () {
    for (;;) yield* effect('again', [undefined], () => undefined)
  },
} satisfies Record<string, Member>

const accesses = fc.record({
  name: fc.constantFrom(...(Object.keys(MEMBERS) as (keyof typeof MEMBERS)[])),
  call: fc.constantFrom('pread', 'pwrite'),
  offset: fc.oneof(fc.nat(SIZE_BYTES + 2), fc.constant(2 ** 40 - 1)),
  length: fc.nat(SIZE_BYTES + 4),
  asBuffer: fc.boolean(),
})
type Access = typeof accesses extends fc.Arbitrary<infer T> ? T : never

function outcome({ name, call, offset, length, asBuffer }: Access, way: 'short' | 'general'): unknown {
  const seen: number[][] = []
  const { host, nvme, live } = withMember((at, bytes) => {
    seen.push([at, ...bytes])
    return MEMBERS[name](at, bytes)
  })
  const from = Uint8Array.from({ length }, (_, at) => 0x80 + at)
  const buffer = asBuffer ? Buffer.from(from) : from
  let moved: unknown
  const failed = failure(() => {
    moved =
      way === 'short'
        ? live[call](nvme.calls.fd, buffer, START + offset)
        : runLive(nvme.guest.calls[call](nvme.calls.fd, buffer, START + offset))
  })
  return {
    failed,
    moved,
    buffer: [...buffer],
    seen,
    told: [...host.bus.failureLines],
    busy: host.busyLocks(),
  }
}

describe('an access at once', () => {
  test('is the same as the operation, whatever the plugin does', () => {
    fc.assert(
      fc.property(accesses, (access) => {
        expect(outcome(access, 'short')).toEqual(outcome(access, 'general'))
      }),
      { numRuns: 120 },
    )
  })

  test('waits for a plugin whose step waits, and the bytes come then', async () => {
    const { nvme, live } = withMember(function* (_, bytes) {
      bytes.fill(yield* effect('slow', [], async () => 5))
    })
    const out = new Uint8Array(4)
    const reading = live.pread(nvme.calls.fd, out, START + 14)
    expect([...out]).toEqual([0, 0, 0, 0])
    expect(await reading).toBe(2)
    expect([...out]).toEqual([5, 5, 0, 0])
    expect(await live.pwrite(nvme.calls.fd, out, START + 15)).toBe(1)
  })

  test('is really taken', () => {
    const { host, nvme } = withMember(() => {})
    const driver = host.driver('nvme')
    const four = new Uint8Array(4)
    expect([driver.readNow(START, four), driver.writeNow(START + 14, four)]).toEqual([4, 2])
    nvme.close()
  })
})

describe('the bytes of the caller are not given away', () => {
  test.each(['pread', 'pwrite'] as const)('by %s: what a plugin keeps and changes is its own', (call) => {
    const kept: Uint8Array[] = []
    const { nvme, live } = withMember((_, bytes) => void kept.push(bytes))
    for (const mine of [new Uint8Array(4), Buffer.alloc(4)]) {
      live[call](nvme.calls.fd, mine, START)
      runLive(nvme.guest.calls[call](nvme.calls.fd, mine, START))
      for (const theirs of kept) theirs.fill(0xee)
      expect([...mine]).toEqual([0, 0, 0, 0])
    }
    expect(kept).toHaveLength(4)
    expect(new Set(kept.map(({ buffer }) => buffer)).size).toBe(4)
  })
})
