import {
  type AnyLockingStrategy,
  type Body,
  effect,
  type HotResetMember,
  hotReset,
  type Lock,
  type LockMode,
  Refused,
  record,
  runLive,
  type VfioErrno,
} from '@vfiokit/locking'
import { BareMachine } from '@vfiokit/locking/bare'
import { STRATEGIES } from '@vfiokit/locking-strategies'
import { describe, expect, test } from 'vitest'

const MEMBERS_MAX = 4
const HOOKS = ['prepare', 'unprepare', 'admit', 'locked', 'releasing'] as const
type Hook = (typeof HOOKS)[number]

/** It waits for every lock instead of trying. */
const waits = ({ name }: AnyLockingStrategy) => name === 'ordered' || name === 'set-rwsem'
/** It empties all lists before it locks the first memory. */
const twoPasses = ({ name }: AnyLockingStrategy) => name.startsWith('vma-list')

/** What goes wrong, and at which member. */
interface Fault {
  readonly what: 'nothing' | 'refuses' | 'throws' | 'contended' | 'reset throws' | 'reset fails'
  readonly hook?: Hook
  readonly lock?: 'memoryLock' | 'vmaLock' | 'mmapLock'
  readonly at: number
}

/** Every fault that a set of that size can meet under a strategy. */
function faults(strategy: AnyLockingStrategy, members: number): Fault[] {
  const list: Fault[] = []
  for (const what of ['nothing', 'reset throws', 'reset fails'] as const) list.push({ what, at: members })
  for (let at = 0; at < members; at++) {
    for (const hook of ['prepare', 'admit'] as const) list.push({ what: 'refuses', hook, at })
    for (const hook of HOOKS) list.push({ what: 'throws', hook, at })
    // Who waits for a lock is not refused.
    if (!waits(strategy)) list.push({ what: 'contended', lock: 'memoryLock', at })
    if (twoPasses(strategy))
      list.push({ what: 'contended', lock: 'vmaLock', at }, { what: 'contended', lock: 'mmapLock', at })
  }
  return list
}

/** The hooks that ran, by name, each with the members in the order of the calls. */
type Calls = Record<Hook | 'reset', number[]>

/** Makes a member's hooks and the reset, which write down that they were called, and fail as told. */
function hooksOf(fault: Fault) {
  const calls: Calls = { prepare: [], unprepare: [], admit: [], locked: [], releasing: [], reset: [] }
  const hook =
    <T>(name: Hook, at: number, refusal: T, fine: T): Body<T> =>
    () =>
      effect<T>(name, [], () => {
        calls[name].push(at)
        if (fault.hook !== name || fault.at !== at) return fine
        if (fault.what === 'throws') throw new Error('boom')
        return refusal
      })
  const reset = () =>
    effect<VfioErrno | undefined>('reset', [], () => {
      calls.reset.push(0)
      if (fault.what === 'reset throws') throw new Error('boom')
      return fault.what === 'reset fails' ? 'EIO' : undefined
    })
  return { calls, hook, reset }
}

function membersOf(machine: BareMachine, { hook }: ReturnType<typeof hooksOf>): HotResetMember[] {
  return machine.devices.map((device, at) => ({
    device,
    prepare: hook<VfioErrno | undefined>('prepare', at, 'ENODEV', undefined),
    unprepare: hook('unprepare', at, undefined, undefined),
    admit: hook<VfioErrno | undefined>('admit', at, 'EINVAL', undefined),
    locked: hook('locked', at, undefined, undefined),
    releasing: hook('releasing', at, undefined, undefined),
  }))
}

/** A machine with a process per device, in which every mapping has a page. */
function busyMachine(strategy: AnyLockingStrategy, members: number): BareMachine {
  const machine = new BareMachine(strategy, { devices: members, processes: members })
  machine.bar.forEach((ofDevice, at) => void runLive(machine.touch(ofDevice[at]!, 0)))
  return machine
}

/** Somebody else holds the lock in question. */
function contend(machine: BareMachine, { lock, at }: Fault): { lock: Lock; mode: LockMode } {
  const mode = lock === 'memoryLock' ? 'read' : 'write'
  const taken: Lock =
    lock === 'mmapLock' ? machine.processes[at]!.mmapLock : machine.devices[at]!.state[lock!]
  if (!taken.tryTake(mode)) throw new Error(`${taken.name} is not free`)
  return { lock: taken, mode }
}

/** How often members are prepared and locked, and how it ends, by the contract alone. */
function expected(strategy: AnyLockingStrategy, fault: Fault, members: number) {
  const { what, hook, at } = fault
  const before = (end: number) => Array.from({ length: end }, (_, each) => each)
  const stopsAtPrepare = hook === 'prepare'
  const prepared = stopsAtPrepare ? at : members
  // vma-list locks memory in a second pass: what fails in the first leaves no member locked.
  const inFirstPass =
    twoPasses(strategy) && (hook === 'admit' || (fault.lock ?? 'memoryLock') !== 'memoryLock')
  // Who waits admits all before it locks one.
  const admitsFirst = waits(strategy) && hook === 'admit'
  let locked = members
  if (stopsAtPrepare || inFirstPass || admitsFirst) locked = 0
  else if (hook === 'admit' || what === 'contended') locked = at
  else if (hook === 'locked') locked = at + 1
  const errnos: Partial<Record<string, VfioErrno>> = { prepare: 'ENODEV', admit: 'EINVAL' }
  const refused = what === 'refuses' ? errnos[hook!] : what === 'contended' ? 'EBUSY' : undefined
  const throws = what === 'throws' || what === 'reset throws'
  const resets =
    what !== 'contended' && what !== 'refuses' && !['prepare', 'admit', 'locked'].includes(hook ?? '')
  return { prepared: before(prepared), locked: before(locked), refused, throws, resets }
}

describe.each(STRATEGIES)('a hot reset under $name', (strategy) => {
  const reverse = strategy.name !== 'rfc-2021' && !twoPasses(strategy)
  const cases = Array.from({ length: MEMBERS_MAX }, (_, at) => at + 1).flatMap((members) =>
    faults(strategy, members).map((fault) => ({ members, fault })),
  )

  test.each(cases)(
    'of $members member(s) gives all back when this goes wrong: $fault',
    ({ members, fault }) => {
      const machine = busyMachine(strategy, members)
      const hooks = hooksOf(fault)
      const { calls } = hooks
      const foreign = fault.what === 'contended' ? contend(machine, fault) : undefined
      const want = expected(strategy, fault, members)

      const { outcome, held } = record(
        hotReset(strategy, machine.set, membersOf(machine, hooks), hooks.reset),
      )

      if (want.throws) expect(outcome).toEqual({ error: new Error('boom') })
      else if (want.refused !== undefined) expect(outcome).toEqual({ value: new Refused(want.refused) })
      else expect(outcome).toEqual({ value: fault.what === 'reset fails' ? 'EIO' : undefined })
      expect(held.size).toBe(0)
      expect(machine.busy).toEqual(foreign === undefined ? [] : [foreign.lock])
      expect(calls.reset.length).toBe(want.resets ? 1 : 0)
      expect([...calls.unprepare].reverse()).toEqual(want.prepared)
      expect(reverse ? [...calls.releasing].reverse() : calls.releasing).toEqual(want.locked)
      expect(machine.devices.every(({ cells }) => !cells.inReset.peek())).toBe(true)
      foreign?.lock.drop(foreign.mode)
      expect(machine.busy).toEqual([])
    },
  )

  test('zaps every member before the reset, and each comes back by faults', () => {
    const machine = busyMachine(strategy, 3)
    const hooks = hooksOf({ what: 'nothing', at: 0 })
    const present = () => machine.devices.map((device) => device.presentBarPages)
    const before = present()
    const seen: number[][] = []
    const reset = () => effect<VfioErrno | undefined>('reset', [], () => void seen.push(present()))
    expect(before.every((pages) => pages > 0)).toBe(true)
    expect(runLive(hotReset(strategy, machine.set, membersOf(machine, hooks), reset))).toBeUndefined()
    expect(seen).toEqual([[0, 0, 0]])
    expect(runLive(machine.touch(machine.bar[1]![1]!, 0))).toBe('nopage')
  })
})
