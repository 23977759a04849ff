import * as here from '@vfiokit/locking'
import { BareMachine } from '@vfiokit/locking/bare'
import { beforeAll, describe, expect, test, vi } from 'vitest'

const fair = { fair: true }
const nothing = () => undefined

/** One op of each kind, made with some copy of this package. */
function opsOf(copy: typeof here): Readonly<Record<keyof here.OpsByKind, here.Op<unknown>>> {
  const lock = new copy.Mutex('m', fair)
  const cell = new copy.Cell('c', [0, 1])
  const member = { id: 'a' }
  const list = new copy.BoundedList('l', () => [member])
  const { devices, bar } = new BareMachine(strategy)
  const mapping = bar[0]![0]!
  const marks = copy.scoped('s', copy.run(nothing as never))
  return {
    acquire: copy.acquire(lock),
    'try-acquire': copy.tryAcquire(lock),
    release: copy.release(lock),
    get: copy.get(cell),
    set: copy.set(cell, 1),
    'list-first': list.first(),
    'list-add': list.add(member),
    'list-remove': list.remove(member),
    'list-has': list.has(member),
    zap: copy.zap(devices[0]!.addressSpace, []),
    'zap-mapping': copy.zapMapping(mapping),
    access: copy.access(mapping, 0),
    insert: copy.insert(mapping, 0),
    'is-linked': copy.isLinked(mapping),
    link: { kind: 'link' } as here.Op<void>,
    effect: copy.effect('e', [1], () => 1),
    label: copy.label('here'),
    enter: marks.next().value as here.Op<void>,
    leave: new copy.MarkOp('leave', 's'),
    progress: copy.progress(),
    assert: copy.assert('true', () => true),
  }
}

const strategy = {
  name: 'none',
  addressSpaces: 'per-device',
  populate: 'page',
  deviceState: (make: here.StateFactory, { id }: here.DeviceHandle) => make.rwsem(id),
  setState: nothing,
  readSide: (device: here.AnyGuardedDevice) => [{ lock: device.state, mode: 'read' }],
} as unknown as here.AnyLockingStrategy

let copy: typeof here

beforeAll(async () => {
  vi.resetModules()
  copy = await import('@vfiokit/locking')
})

describe('what another copy of this package makes', () => {
  test('has other classes', () => {
    expect(new copy.Refused('EBUSY')).not.toBeInstanceOf(here.Refused)
    expect(copy.zap({} as never, [])).not.toBeInstanceOf(here.Op)
  })

  test('is an op of the kind that it is, and of no other', () => {
    const ops = opsOf(copy)
    const kinds = Object.keys(ops) as (keyof here.OpsByKind)[]
    for (const kind of kinds) expect(kinds.filter((each) => here.isOp(ops[kind], each))).toEqual([kind])
    expect(kinds.filter((kind) => here.isLockOp(ops[kind]))).toEqual(['acquire', 'try-acquire', 'release'])
    expect(kinds.filter((kind) => here.isMarkOp(ops[kind]))).toEqual(['label', 'enter', 'leave', 'progress'])
  })

  test('has the shape of the ops that are made here', () => {
    const shapes = (ops: ReturnType<typeof opsOf>) =>
      Object.entries(ops).map(([kind, op]) => [kind, op.object, Object.keys(op)])
    expect(shapes(opsOf(copy))).toEqual(shapes(opsOf(here)))
  })

  test('is told by name where it is no op', () => {
    const cell = new copy.Cell('c', [0])
    const derived = new copy.DerivedCell('d', [cell], () => 1)
    const list = new copy.BoundedList('l', () => [])
    const refused = new copy.Refused('EBUSY')
    const error = new copy.ProtocolError('async', 'it waits')
    const all = [cell, derived, list, refused, error, 'EBUSY', undefined, null] as never[]
    const told = [here.Cell, here.DerivedCell, here.BoundedList, here.Refused, here.ProtocolError].map(
      (each) => all.filter((value) => each.is(value)),
    )
    expect(told).toEqual([[cell], [derived], [list], [refused], [error]])
    expect(copy.DENIED).toBe(here.DENIED)
  })

  test('is performed by every driver', () => {
    const wait = () => copy.effect('answer', [7], () => 7)
    function* scoped(): here.Operation<number> {
      yield* copy.label('begin')
      return yield* copy.scoped('inner', copy.run(wait))
    }
    expect([here.runLive(wait()), here.runLive(scoped())]).toEqual([7, 7])
    expect(here.record(wait()).outcome).toEqual({ value: 7 })
    const seen: string[] = []
    const driver = new here.ControlledDriver({
      schedule: () => 0,
      watchers: [({ op, path }) => void seen.push([...path, op.object].join('/'))],
    })
    driver.spawn('task', scoped())
    expect(driver.run().steps).toBe(1)
    expect(seen).toEqual(['inner/answer'])
  })
})
