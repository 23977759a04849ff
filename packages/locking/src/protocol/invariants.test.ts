import {
  changedExclusively,
  discoverable,
  excludesReaders,
  hitsAllOrNone,
  type LockMode,
  type LockUse,
  leavesNothing,
  RwSemaphore,
  runLive,
  set,
  showsSamePlace,
  touchedInsideReadSide,
  unreachableWhileOff,
} from '@vfiokit/locking'
import { describe, expect, test } from 'vitest'
import { OneDevice } from '../fixtures/one-device.ts'

const holding = ({ lock }: OneDevice, mode: LockMode): LockUse[] => [{ lock, mode }]
const other: LockUse[] = [{ lock: new RwSemaphore('other', { fair: true }), mode: 'write' }]

describe('I1: no page of a BAR is mapped while it may not be', () => {
  const cases: readonly [why: string, broken: string, prepare: (machine: OneDevice) => void][] = [
    ['memory is off', 'memory is off', ({ device }) => runLive(set(device.cells.memoryEnabled, false))],
    ['power is D3hot', 'power is D3hot', ({ device }) => runLive(set(device.cells.power, 'D3hot'))],
    ['a reset runs', 'a reset runs', ({ device }) => runLive(set(device.cells.inReset, true))],
  ]
  test.each(cases)('%s', (_why, broken, prepare) => {
    const machine = new OneDevice()
    prepare(machine)
    expect(unreachableWhileOff(machine.device)).toBeUndefined()
    machine.mapping.insert(2)
    expect(unreachableWhileOff(machine.device)).toBe(`1 page(s) of d0 are mapped while ${broken}`)
    machine.mapping.followsMemory = false
    expect(unreachableWhileOff(machine.device)).toBeUndefined()
  })

  test('holds while memory is on, and for power states above D3hot', () => {
    const { device, mapping } = new OneDevice()
    mapping.insert(0)
    for (const power of ['D0', 'D1', 'D2'] as const) {
      runLive(set(device.cells.power, power))
      expect(unreachableWhileOff(device)).toBeUndefined()
    }
  })

  test('follows the rule of the kernel and the kind of function', () => {
    const virtual = new OneDevice({ ignoresMemoryBit: true, ignoresPower: false })
    runLive(set(virtual.device.cells.memoryEnabled, false))
    virtual.mapping.insert(0)
    expect(unreachableWhileOff(virtual.device)).toBeUndefined()
    const old = new OneDevice({ ignoresMemoryBit: false, ignoresPower: true })
    runLive(set(old.device.cells.power, 'D3hot'))
    old.mapping.insert(0)
    expect(unreachableWhileOff(old.device)).toBeUndefined()
  })
})

describe('I2: the kernel touches BAR memory inside the read side only', () => {
  test('and while it may be touched, or with every reader excluded', () => {
    const machine = new OneDevice()
    const { strategy, device } = machine
    const touched = (held: LockUse[]) => touchedInsideReadSide(strategy, device, held)
    expect(touched(holding(machine, 'read'))).toBeUndefined()
    expect(touched([])).toBe('d0 is touched outside the read side')
    expect(touched(other)).toBe('d0 is touched outside the read side')
    runLive(set(device.cells.inReset, true))
    expect(touched(holding(machine, 'read'))).toBe('d0 is touched while a reset runs')
    runLive(set(device.cells.inReset, false))
    runLive(set(device.cells.memoryEnabled, false))
    expect(touched(holding(machine, 'read'))).toBe('d0 is touched while memory is off')
    expect(touched(holding(machine, 'write'))).toBeUndefined()
  })
})

describe('I3: memory enable and power change exclusively', () => {
  test('holds for who has a lock of the read side for writing', () => {
    const machine = new OneDevice()
    const changed = (held: LockUse[]) => changedExclusively(machine.strategy, machine.device, held)
    expect(changed(holding(machine, 'write'))).toBeUndefined()
    for (const held of [[], other, holding(machine, 'read')])
      expect(changed(held)).toBe('d0 changes while readers may run')
    expect(excludesReaders(machine.strategy, machine.device, [...other, ...holding(machine, 'write')])).toBe(
      true,
    )
  })
})

describe('I4: a mapping with pages is found by a zap', () => {
  test('because it is linked, unless the strategy keeps track itself', () => {
    const { strategy, device, mapping } = new OneDevice()
    const lost = 'm0 has pages that no zap would find'
    expect(discoverable(strategy, device, mapping)).toBeUndefined()
    expect(discoverable({ ...strategy, tracks: () => false }, device, mapping)).toBe(lost)
    mapping.isLinked = false
    expect(discoverable(strategy, device, mapping)).toBe(lost)
    expect(discoverable({ ...strategy, tracks: () => true }, device, mapping)).toBeUndefined()
    mapping.followsMemory = false
    expect(discoverable(strategy, device, mapping)).toBeUndefined()
  })
})

describe('I5: a page shows the place that its offset names', () => {
  test('and no other', () => {
    const { mapping } = new OneDevice()
    mapping.insert(0)
    mapping.insert(1, 3)
    expect(showsSamePlace(mapping, 0)).toBeUndefined()
    expect(showsSamePlace(mapping, 1)).toBe('page 1 of m0 shows another place than its offset')
  })
})

describe('I6: a hot reset hits all or none', () => {
  test('of members that are excluded and empty', () => {
    const machine = new OneDevice()
    const { strategy, device, mapping } = machine
    const hit = (held: LockUse[]) => hitsAllOrNone(strategy, [device], held)
    expect(hit(holding(machine, 'write'))).toBeUndefined()
    expect(hit(holding(machine, 'read'))).toBe('d0 is reset while readers may run')
    mapping.insert('all')
    expect(hit(holding(machine, 'write'))).toBe('d0 is reset with 4 page(s) mapped')
  })
})

describe('I8: a zap leaves nothing of its ranges', () => {
  test('and says what survived', () => {
    const { device, mapping } = new OneDevice()
    mapping.insert(3)
    const range = (first: number, last: number) => [{ first, last }]
    expect(leavesNothing(device.addressSpace, range(0, 2))).toBeUndefined()
    expect(leavesNothing(device.addressSpace, [...range(0, 0), ...range(2, 3)])).toBe(
      '1 page(s) of space:d0 survived the zap of 2..3',
    )
  })
})
