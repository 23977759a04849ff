import {
  type AnyLockingStrategy,
  type Body,
  effect,
  get,
  guarded,
  handleFault,
  hotReset,
  type Operation,
  record,
  runLive,
  type Step,
  type VfioErrno,
} from '@vfiokit/locking'
import { BareMachine } from '@vfiokit/locking/bare'
import { STRATEGIES } from '@vfiokit/locking-strategies'
import { naive, zapBeforeLock } from '@vfiokit/locking-strategies/canaries'
import { describe, expect, test } from 'vitest'

const strategies = [...STRATEGIES, zapBeforeLock, naive]
type Failing = Body<never>

/** Each verb of the contract, with a body that does not end well. */
const verbs: Readonly<Record<string, (machine: BareMachine, bad: Failing) => Step<unknown>>> = {
  'exclude to zap': ({ strategy, devices }, bad) => strategy.exclude(devices[0]!, 'zap', bad),
  'exclude only': ({ strategy, devices }, bad) => strategy.exclude(devices[0]!, 'lock-only', bad),
  lifecycle: ({ strategy, set }, bad) => strategy.lifecycle(set, bad),
  'exclude inside lifecycle': ({ strategy, set, devices }, bad) =>
    strategy.lifecycle(set, () => strategy.exclude(devices[0]!, 'zap', bad)),
  'hot reset': ({ strategy, set, devices }, bad) => hotReset(strategy, set, membersOf(devices), bad),
  'read side': ({ strategy, devices }, bad) => {
    const admit = () => get(devices[0]!.cells.accessible)
    return guarded(strategy.readSide(devices[0]!), { admit, act: bad })
  },
  'fault that tests': (machine, bad) => fault(machine, { admit: bad, act: bad }),
  'fault that populates': (machine, bad) =>
    fault(machine, { admit: () => get(machine.devices[0]!.cells.accessible), act: bad }),
}

function membersOf(devices: BareMachine['devices']) {
  const admit = () => effect<VfioErrno | undefined>('own', [undefined], () => undefined)
  return devices.map((device) => ({ device, admit }))
}

function fault(machine: BareMachine, body: { admit: Body<boolean>; act: Body<void> }): Operation<unknown> {
  return handleFault(machine.strategy, machine.devices[0]!, machine.bar[0]![0]!, body)
}

/** A machine in which device 0 has pages in both processes, so that a zap has something to do. */
function mapped(strategy: AnyLockingStrategy): BareMachine {
  const machine = new BareMachine(strategy)
  for (const mapping of machine.bar[0]!) runLive(machine.touch(mapping, 0))
  return machine
}

const cases = strategies.flatMap((strategy) =>
  Object.entries(verbs).map(([verb, step]) => ({ name: strategy.name, verb, strategy, step })),
)

describe.each(cases)('$name: $verb', ({ strategy, step }) => {
  test('holds nothing after its body throws', () => {
    const machine = mapped(strategy)
    const bad = () => effect('bad', [], (): never => boom())
    expect(() => runLive(step(machine, bad))).toThrow('boom')
    expect(machine.busy).toEqual([])
    const { held, outcome } = record(step(machine, bad))
    expect([held.size, outcome]).toEqual([0, { error: new Error('boom') }])
  })

  test('holds nothing after its body rejects', async () => {
    const machine = mapped(strategy)
    const bad = () => effect<never>('bad', [], () => Promise.reject(new Error('late')))
    await expect(runLive(step(machine, bad))).rejects.toThrow('late')
    expect(machine.busy).toEqual([])
  })
})

function boom(): never {
  throw new Error('boom')
}

describe.each(STRATEGIES)('$name', (strategy) => {
  test('zaps, or only locks, as it is told; each with the readers excluded', () => {
    for (const [effectOf, left] of [
      ['zap', 0],
      ['lock-only', strategy.populate === 'mapping' ? 4 : 2],
    ] as const) {
      const machine = mapped(strategy)
      const device = machine.devices[0]!
      const look = () => effect('look', [], () => [device.presentBarPages, device.memoryLock.isFree('read')])
      expect(runLive(strategy.exclude(device, effectOf, look))).toEqual([left, false])
    }
  })

  test('leaves a mapping that does not follow the memory alone', () => {
    const machine = mapped(strategy)
    const region = machine.map(machine.devices[0]!, machine.processes[0]!, 'region', 100)
    runLive(machine.touch(region, 1))
    const before = region.presentPages
    expect(before).toBeGreaterThan(0)
    runLive(machine.setMemory(machine.devices[0]!, false))
    runLive(machine.hotReset())
    expect([region.presentPages, machine.devices[0]!.presentBarPages]).toEqual([before, 0])
  })
})
