import { describe, expect, test } from 'vitest'
import { type HookCall, HookProxies } from './hook-proxy.ts'
import { isHooks, membersOf } from './hooks.ts'

/** What the core gets of an answer, and the calls that go through it. */
function through<T>(answer: T) {
  const calls: string[] = []
  const proxies = new HookProxies(answer, (call: HookCall) => {
    calls.push(`${call.path}.${call.member}(${call.arguments.join()})`)
    return call.ask()
  })
  return { proxies, calls, answer: proxies.answer as T }
}

class Region {
  #reads = 0
  readonly sizeBytes = 8

  get kind() {
    return { vendor: 1, subtype: this.#reads }
  }

  read(offset: number) {
    this.#reads++
    return offset
  }
}

describe('what stands in front of an answer', () => {
  test('asks an object that is frozen, a class, with fields and getters of its own', () => {
    const { answer, calls } = through([Object.freeze(new Region())])
    expect(answer[0]!.read(4)).toBe(4)
    expect(answer[0]!.kind).toEqual({ vendor: 1, subtype: 1 })
    expect(answer[0]).toBeInstanceOf(Region)
    expect(calls).toEqual(['[0].read(4)'])
  })

  test('can be spread, and says which members there are', () => {
    const { answer, calls } = through({ sizeBytes: 8, read: (offset: number) => offset })
    const copy = { ...answer }
    expect([copy.sizeBytes, copy.read(1), 'read' in answer, 'write' in answer]).toEqual([8, 1, true, false])
    expect(calls).toEqual(['.read(1)'])
  })

  test('reaches hooks inside: of objects, lists and Maps', () => {
    const feature = { get: () => 'got' }
    const { answer, calls } = through({
      bars: { 0: { read: () => 'zero' } },
      regions: [{ read: () => 'first' }],
      features: new Map([[7, feature]]),
    })
    expect([answer.bars[0].read(), answer.regions[0]!.read(), answer.features.get(7)!.get()]).toEqual([
      'zero',
      'first',
      'got',
    ])
    expect(calls).toEqual(['.bars.0.read()', '.regions[0].read()', '.features[7].get()'])
  })

  test('leaves alone what has nothing to be asked: bytes, pages, lists of data', () => {
    const page = { memory: new Uint8Array(4096), offset: 0 }
    const list = [{ id: 1, body: new Uint8Array(4) }]
    for (const value of [page, list, page.memory, new Map([[1, 2]]), 'EBUSY', 7n, undefined])
      expect(through(value).answer).toBe(value)
  })

  test('is the same for the same object, also where a list has it twice', () => {
    const region = new Region()
    const { proxies, answer } = through([region, region, new Region()])
    expect(answer[1]).toBe(answer[0])
    expect(answer[2]).not.toBe(answer[0])
    expect((proxies.answer as Region[])[2]).toBe(answer[2])
  })

  test('asks what is put behind it later; what is not there any more has no members', () => {
    const { proxies, answer } = through([{ read: () => 'old' }, { read: () => 'second' }])
    const [first, second] = answer
    proxies.current = [{ read: () => 'new' }]
    expect(first!.read()).toBe('new')
    expect(second!.read).toBeUndefined()
    expect(Object.keys(second!)).toEqual([])
  })
})

test('members are functions, own and of classes, and no getter is run to find them', () => {
  const trap = {
    get fault() {
      throw new Error('asked')
    },
    read: () => {},
  }
  expect(membersOf(trap)).toEqual(['read'])
  expect(membersOf(new Region())).toEqual(['read'])
  expect([isHooks(trap), isHooks([trap]), isHooks(new Date()), isHooks(null)]).toEqual([
    true,
    false,
    false,
    false,
  ])
})
