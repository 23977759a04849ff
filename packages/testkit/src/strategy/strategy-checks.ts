/** How each rule of a locking strategy is asked: on bare machines, without hardware. */
import {
  type AnyLockingStrategy,
  effect,
  excludesReaders,
  HeldLocks,
  type HotResetMember,
  hotReset,
  isLockOp,
  type Operation,
  Refused,
  record,
  runLive,
  type VfioErrno,
} from '@vfiokit/locking'
import { allComeBack, BareMachine, type BareMapping, bareRun } from '@vfiokit/locking/bare'
import { demand, demandSame } from '../demand.ts'
import { demandExplored, type SlotSize } from './exploration.ts'
import type { StrategyRuleId } from './strategy-rules.ts'

/** What the author of a strategy may choose. */
export interface StrategyTrial {
  /** Random schedules for each size and kind of lock; 300 when absent. */
  readonly seeds?: number
}

/** @throws RuleBroken with what was found, or whatever the strategy throws. */
type StrategyCheck = (strategy: AnyLockingStrategy, trial: StrategyTrial) => void | Promise<void>

const SEEDS = 300
const LIVE_ROUNDS = 20
/** What is explored. */
const TWO: SlotSize = { devices: 2, faults: 2 }
const THREE: SlotSize = { devices: 3, faults: 1 }
/** Offset of memory that is no BAR. */
const OTHER_MEMORY = 100

/** By rule; the type says that none is missing. */
export const STRATEGY_CHECKS: { readonly [id in StrategyRuleId]: StrategyCheck } = {
  'read-side-stable': (strategy) => {
    const device = new BareMachine(strategy).devices[0]!
    const side = () => strategy.readSide(device).map(({ lock, mode }) => `${lock.name} (${mode})`)
    demand(side().length > 0, 'the read side has no lock')
    demandSame('the read side asked again', side(), side())
  },

  'exclude-readers': (strategy) => {
    const { machine } = mapped(strategy)
    for (const mode of ['zap', 'lock-only'] as const) {
      const { steps } = record(strategy.exclude(machine.devices[0]!, mode, () => mark('body')))
      demandExcluded(strategy, machine, steps, 'body')
    }
  },

  'exclude-zaps': (strategy) => {
    const { machine, other } = mapped(strategy)
    const [device] = machine.devices
    const look = () => effect('look', [], () => [device!.presentBarPages, other[0]!.presentPages > 0])
    const found = runLive(strategy.exclude(device!, 'zap', look))
    demandSame('pages of the BAR, and whether other memory has any', found, [0, true])
  },

  'exclude-only-locks': (strategy) => {
    const { machine } = mapped(strategy)
    const [device] = machine.devices
    const before = device!.presentBarPages
    runLive(strategy.exclude(device!, 'lock-only', () => mark('body')))
    demandSame('pages of the BAR', device!.presentBarPages, before)
  },

  'lifecycle-nests': (strategy) => {
    const { machine } = mapped(strategy)
    const inner = () => strategy.exclude(machine.devices[0]!, 'zap', () => mark('body'))
    const done = runLive(strategy.lifecycle(machine.set, inner))
    demand(!(done instanceof Promise), 'exclude inside lifecycle waits for a lock that it holds itself')
    demandNothingHeld(machine)
  },

  'set-excludes-all': (strategy) => {
    const { machine, other } = mapped(strategy)
    let seen: unknown
    const { steps } = record(
      hotReset(strategy, machine.set, members(machine), () =>
        effect<VfioErrno | undefined>('reset', [], () => {
          seen = [machine.devices.map((device) => device.presentBarPages), other.map(has)]
          return undefined
        }),
      ),
    )
    const expected = [machine.devices.map(() => 0), other.map(() => true)]
    demandSame('pages of the BARs, and whether other memory has any', seen, expected)
    demandExcluded(strategy, machine, steps, 'reset')
  },

  'set-refuses': (strategy) => {
    for (const at of [0, 1, 2])
      for (const hook of ['prepare', 'admit'] as const) {
        const { machine } = mapped(strategy, 3)
        const { outcome, calls } = resetWith(strategy, machine, { hook, at, does: 'refuses' })
        const isRefused = 'value' in outcome && Refused.is(outcome.value)
        demand(isRefused, `a ${hook} of member ${at} that says no does not end the hot reset`)
        demandSame('the errno', (outcome.value as Refused).errno, 'ENODEV')
        demandSame('resets', calls.filter((call) => call === 'reset').length, 0)
        demandNothingHeld(machine)
      }
  },

  'set-pairs-hooks': (strategy) => {
    for (const does of ['refuses', 'throws', 'works'] as const)
      for (const hook of ['prepare', 'admit', 'locked'] as const)
        for (const at of [0, 1, 2]) {
          const { machine } = mapped(strategy, 3)
          const { calls } = resetWith(strategy, machine, { hook, at, does })
          demandPaired(calls, 'prepare', 'unprepare', hook === 'prepare' && does !== 'works' ? at : undefined)
          demandPaired(calls, 'locked', 'releasing')
        }
  },

  'throw-gives-back': (strategy) => {
    const boom = () =>
      effect<never>('boom', [], () => {
        throw new Error('boom')
      })
    const verbs: ((machine: BareMachine) => Operation<unknown>)[] = [
      ({ devices }) => strategy.exclude(devices[0]!, 'zap', boom),
      ({ devices }) => strategy.exclude(devices[0]!, 'lock-only', boom),
      ({ set }) => strategy.lifecycle(set, boom),
      (machine) => hotReset(strategy, machine.set, members(machine), boom) as Operation<unknown>,
    ]
    for (const verb of verbs) {
      const { machine } = mapped(strategy)
      const { outcome } = record(verb(machine))
      demand('error' in outcome, 'what a body throws is swallowed')
      demandNothingHeld(machine)
    }
    for (const hook of ['prepare', 'admit', 'locked', 'releasing'] as const) {
      const { machine } = mapped(strategy)
      resetWith(strategy, machine, { hook, at: 1, does: 'throws' })
      demandNothingHeld(machine)
    }
  },

  'live-keeps-order': async (strategy) => {
    for (let round = 0; round < LIVE_ROUNDS; round++) {
      const machine = new BareMachine(strategy)
      let end: string | undefined
      void Promise.all(liveTasks(machine).map((task) => runLive(task))).then(
        () => {
          end = 'done'
        },
        (error) => {
          end = `a task ends with ${String(error)}`
        },
      )
      // No task waits for anything but a lock: one turn of the event loop is enough for all.
      await new Promise((resolve) => setTimeout(resolve, 0))
      const waits = `tasks wait for ever: ${machine.busy.map(({ name }) => name).join(', ')}`
      demand(end === 'done', end ?? waits)
      demandNothingHeld(machine)
      demand(allComeBack(machine), 'a mapping stays away although memory is on')
    }
  },

  'contest-two-fair': contest(2, true),
  'contest-two-unfair': contest(2, false),
  'contest-three-fair': contest(3, true),
  'contest-three-unfair': contest(3, false),

  'explored-two-fair': (strategy) => demandExplored(strategy, TWO, 'queue-fair'),
  'explored-two-unfair': (strategy) => demandExplored(strategy, TWO, 'any-free-moment'),
  'explored-three-fair': (strategy) => demandExplored(strategy, THREE, 'queue-fair'),
  'explored-three-unfair': (strategy) => demandExplored(strategy, THREE, 'any-free-moment'),
}

const mark = (name: string) => effect<undefined>(name, [undefined], () => undefined)
const has = (mapping: BareMapping) => mapping.presentPages > 0

/** Every BAR is mapped and present in every process, and so is a page of other memory of each device. */
function mapped(strategy: AnyLockingStrategy, devices = 2): { machine: BareMachine; other: BareMapping[] } {
  const machine = new BareMachine(strategy, { devices })
  for (const mapping of machine.bar.flat()) runLive(machine.touch(mapping, 0))
  const other = machine.devices.map((device) =>
    machine.map(device, machine.processes[0]!, 'other', OTHER_MEMORY),
  )
  for (const mapping of other) runLive(machine.touch(mapping, 0))
  return { machine, other }
}

function demandNothingHeld({ busy }: BareMachine): void {
  demandSame(
    'locks that are left',
    busy.map(({ name }) => name),
    [],
  )
}

type Steps = ReturnType<typeof record>['steps']

/** At the step of that name every device of which readers must be out is excluded. */
function demandExcluded(
  strategy: AnyLockingStrategy,
  machine: BareMachine,
  steps: Steps,
  name: string,
): void {
  const at = steps.findIndex(({ op }) => op.kind === 'effect' && op.object === name)
  demand(at >= 0, `the ${name} does not run`)
  const held = heldAfter(steps.slice(0, at))
  const devices = name === 'body' ? machine.devices.slice(0, 1) : machine.devices
  for (const device of devices)
    demand(excludesReaders(strategy, device, held), `readers of ${device.id} are not kept out`)
}

function heldAfter(steps: Steps): HeldLocks {
  const held = new HeldLocks()
  for (const { op, result } of steps) {
    if (!isLockOp(op)) continue
    if (op.kind === 'release') held.remove(op.lock, op.mode)
    else if (result !== false) held.add(op.lock, op.mode)
  }
  return held
}

function members({ devices }: BareMachine): HotResetMember[] {
  return devices.map((device) => ({
    device,
    admit: () => effect<VfioErrno | undefined>('admit', [undefined], () => undefined),
  }))
}

type Hook = 'prepare' | 'unprepare' | 'admit' | 'locked' | 'releasing'

interface Trouble {
  readonly hook: Hook
  readonly at: number
  readonly does: 'refuses' | 'throws' | 'works'
}

/** A hot reset in which one hook of one member makes trouble; `calls` has `hook member` in their order. */
function resetWith(strategy: AnyLockingStrategy, machine: BareMachine, trouble: Trouble) {
  const calls: string[] = []
  const call = (name: Hook, at: number): VfioErrno | undefined => {
    calls.push(`${name} ${at}`)
    if (trouble.hook !== name || trouble.at !== at || trouble.does === 'works') return undefined
    if (trouble.does === 'throws') throw new Error('boom')
    return 'ENODEV'
  }
  const asked = (name: Hook, at: number) => () =>
    effect<VfioErrno | undefined>(name, [], () => call(name, at))
  const told = (name: Hook, at: number) => () => effect<void>(name, [], () => void call(name, at))
  const all = machine.devices.map((device, at) => ({
    device,
    prepare: asked('prepare', at),
    unprepare: told('unprepare', at),
    admit: asked('admit', at),
    locked: told('locked', at),
    releasing: told('releasing', at),
  }))
  const { outcome } = record(
    hotReset(strategy, machine.set, all, () =>
      effect<VfioErrno | undefined>('reset', [], () => {
        calls.push('reset')
        return undefined
      }),
    ),
  )
  return { calls, outcome: outcome as { value?: unknown } | { error: unknown } }
}

/** @param failed - The member whose `first` failed, and so is not owed a `second`. */
function demandPaired(calls: readonly string[], first: Hook, second: Hook, failed?: number): void {
  const of = (hook: Hook) =>
    calls.filter((call) => call.startsWith(`${hook} `)).map((call) => call.slice(hook.length + 1))
  const owed = of(first).filter((at) => at !== String(failed))
  demandSame(`members of ${second}`, of(second).sort(), owed.sort())
}

function liveTasks(machine: BareMachine): Operation<unknown>[] {
  const [one, other] = machine.devices
  return [
    machine.hotReset(),
    machine.touch(machine.bar[0]![0]!, 0),
    machine.setMemory(one!, false),
    machine.touch(machine.bar[1]![1]!, 1),
    machine.setMemory(one!, true),
    machine.read(other!, machine.bar[0]![0]!),
    machine.resetFunction(other!),
    machine.openAndClose(other!),
    machine.munmap(machine.bar[0]![1]!),
  ] as Operation<unknown>[]
}

/** A rule about random schedules of a machine of that size. */
function contest(devices: number, fair: boolean): StrategyCheck {
  return (strategy, { seeds = SEEDS }) => {
    for (let seed = 0; seed < seeds; seed++) {
      const { machine, monitor, outcome } = bareRun(strategy, seed, { devices, fair })
      const [broken] = monitor.broken
      if (broken !== undefined) demand(false, `seed ${seed}: ${broken.id}: ${broken.violation!.message}`)
      for (const { error } of outcome.failures) demand(false, `seed ${seed}: ${String(error)}`)
      demand(outcome.verdict === 'finished', `seed ${seed}: ${outcome.verdict}`)
      demand(machine.busy.length === 0, `seed ${seed}: ${machine.busy[0]?.name} is left`)
      demand(allComeBack(machine), `seed ${seed}: a mapping stays away although memory is on`)
    }
  }
}
