import {
  accessBody,
  acquire,
  barAccess,
  ControlledDriver,
  effect,
  guarded,
  hotReset,
  INVARIANTS,
  InvariantMonitor,
  insert,
  type Operation,
  release,
  run,
  type Step,
  set,
  setMemoryEnabled,
  zap,
  zapMapping,
} from '@vfiokit/locking'
import { describe, expect, test } from 'vitest'
import { OneDevice } from '../fixtures/one-device.ts'

const done = () => effect('done', [undefined], () => undefined)

/** What a monitor says about one task: broken invariants with their message, and which were asked. */
function watch(
  machine: OneDevice,
  ...steps: Step<unknown>[]
): { broken: Record<string, string>; asked: string[] } {
  const monitor = new InvariantMonitor(machine.strategy, [machine.device])
  const driver = new ControlledDriver({ schedule: () => 0, watchers: [monitor.watch] })
  function* task(): Operation<void> {
    for (const step of steps) yield* run(() => step)
  }
  driver.spawn('t', task())
  driver.run()
  return {
    broken: Object.fromEntries(monitor.broken.map(({ id, violation }) => [id, violation!.message])),
    asked: monitor
      .report()
      .filter(({ checked }) => checked > 0)
      .map(({ id }) => id),
  }
}

describe('the monitor', () => {
  test('asks every invariant in a run that goes through every part of the protocol, and all hold', () => {
    const machine = new OneDevice()
    const { strategy, device, mapping, lock } = machine
    const subject = barAccess(device)
    const busReset = () =>
      effect('bus reset', [undefined], () => undefined, { kind: 'bus-reset', devices: [device] })
    const report = watch(
      machine,
      mapping.touch(1),
      guarded(
        strategy.readSide(device),
        accessBody(device, subject, () => {}),
      ),
      setMemoryEnabled(strategy, device, false, done),
      setMemoryEnabled(strategy, device, true, done),
      hotReset(strategy, device.set, [{ device, admit: done }], busReset),
      mapping.touch(1),
    )
    expect(report).toEqual({ broken: {}, asked: Object.keys(INVARIANTS) })
    expect(lock.isIdle).toBe(true)
  })

  const on = ({ device }: OneDevice) => device.cells.memoryEnabled
  const cases: readonly [id: string, message: string, (machine: OneDevice) => Step<unknown>[]][] = [
    [
      'I1',
      '1 page(s) of d0 are mapped while memory is off',
      (machine) => [
        acquire(machine.lock),
        set(on(machine), false),
        insert(machine.mapping, 0),
        release(machine.lock),
      ],
    ],
    [
      'I1',
      '1 page(s) of d0 are mapped while a reset runs',
      ({ mapping, device }) => [insert(mapping, 0), set(device.cells.inReset, true)],
    ],
    [
      'I2',
      'd0 is touched outside the read side',
      ({ device }) => [effect('touch', [undefined], () => undefined, barAccess(device))],
    ],
    ['I3', 'd0 changes while readers may run', ({ device }) => [set(device.cells.power, 'D1')]],
    [
      'I4',
      'm0 has pages that no zap would find',
      ({ mapping }) => [
        effect('unlink', [undefined], () => {
          mapping.isLinked = false
        }),
        insert(mapping, 'all'),
      ],
    ],
    [
      'I5',
      'page 0 of m0 shows another place than its offset',
      ({ mapping }) => [insert(mapping, 0, 'elsewhere'), mapping.touch(0)],
    ],
    [
      'I6',
      'd0 is reset while readers may run',
      ({ device }) => [
        effect('reset', [undefined], () => undefined, { kind: 'bus-reset', devices: [device] }),
      ],
    ],
    ['I7', 'release of lock:d0 (write), which this task does not hold', ({ lock }) => [release(lock)]],
    ['I7', 't ended holding lock:d0 (write)', ({ lock }) => [acquire(lock)]],
    [
      'I8',
      '1 page(s) of space:d0 survived the zap of 0..3',
      ({ device, mapping }) => {
        device.addressSpace.unmapMappingRange = () => 0
        return [insert(mapping, 0), zap(device.addressSpace, device.zapRanges)]
      },
    ],
    [
      'I8',
      'm0 kept pages',
      ({ mapping }) => {
        mapping.zap = () => 0
        return [insert(mapping, 0), zapMapping(mapping)]
      },
    ],
  ]
  test.each(cases)('sees %s broken: %s', (id, message, steps) => {
    const machine = new OneDevice()
    expect(watch(machine, ...steps(machine)).broken).toEqual({ [id]: message })
  })

  test('keeps the first violation, with its step and task, and goes on counting', () => {
    const { strategy, device } = new OneDevice()
    const monitor = new InvariantMonitor(strategy, [device])
    monitor.note('I1', { step: 3, task: 'a' }, undefined)
    monitor.note('I1', { step: 4, task: 'b' }, 'first')
    monitor.note('I1', { step: 5, task: 'c' }, 'second')
    expect(monitor.report()[0]).toEqual({
      id: 'I1',
      statement: INVARIANTS.I1,
      holds: false,
      checked: 3,
      violation: { step: 4, task: 'b', message: 'first' },
    })
    expect(monitor.report()[1]).toMatchObject({ id: 'I2', holds: true, checked: 0, violation: undefined })
  })

  test('passes over devices and cells that it was not given', () => {
    const machine = new OneDevice()
    const stranger = new OneDevice()
    stranger.mapping.machine.device.cells.memoryEnabled.backing.write(false)
    const other = { ...stranger.device, id: 'd9' }
    Object.defineProperty(stranger.mapping, 'device', { value: other })
    const touched = effect('touch', [undefined], () => undefined, barAccess(other))
    expect(watch(machine, insert(stranger.mapping, 0), set(other.cells.power, 'D1'), touched)).toEqual({
      broken: {},
      asked: [],
    })
  })
})
