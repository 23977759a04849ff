/** What clients do to a machine: the shared bodies of the protocol under its strategy. */
import {
  accessBody,
  acquire,
  barAccess,
  closeDevice,
  DENIED,
  effect,
  type FaultOutcome,
  faultBody,
  guarded,
  hotReset,
  type Operation,
  openDevice,
  type PowerState,
  Refused,
  release,
  resetFunction,
  setMemoryEnabled,
  setPower,
  touch,
  type VfioErrno,
  zapMapping,
} from '@vfiokit/locking'
import type { ContendedDevice } from './contended-device.ts'
import type { ContendedMapping } from './contended-mapping.ts'
import type { Machine } from './machine.ts'
import { takeMemory, WorkOp, work } from './work.ts'

/** Touches a page as user space does. */
export function touchPage(
  { strategy }: Machine,
  mapping: ContendedMapping,
  page: number,
): Operation<FaultOutcome> {
  const { device } = mapping
  const what = strategy.populate === 'mapping' ? 'all' : page
  return touch(strategy, device, mapping, page, () => faultBody(device, mapping, what))
}

/** One access of the kernel to BAR memory. */
export function* accessMemory(
  { strategy }: Machine,
  device: ContendedDevice,
): Operation<VfioErrno | undefined> {
  const body = accessBody(device, barAccess(device), () => {})
  return (yield* guarded(strategy.readSide(device), body)) === DENIED ? 'EIO' : undefined
}

/** A write of the command register. */
export function setMemory(
  { strategy }: Machine,
  device: ContendedDevice,
  on: boolean,
): Operation<VfioErrno | undefined> {
  const object = `memory of ${device.id} ${on ? 'on' : 'off'}`
  return setMemoryEnabled(strategy, device, on, () =>
    on ? work('command-write', object) : takeMemory('command-write', object, [device]),
  )
}

/** A change of the power state. */
export function changePower(
  { strategy }: Machine,
  device: ContendedDevice,
  state: PowerState,
): Operation<PowerState> {
  return setPower(
    strategy,
    device,
    state,
    () => new WorkOp('power-write', `${device.id} to ${state}`, () => state),
  )
}

/** A reset of one function. */
export function resetDevice(
  { strategy }: Machine,
  device: ContendedDevice,
): Operation<VfioErrno | undefined> {
  return resetFunction(strategy, device, () =>
    takeMemory('function-reset', `reset of ${device.id}`, [device]),
  )
}

/** A reset of all devices. @returns the errno of a refusal: EBUSY where a member was contended. */
export function* resetSet(machine: Machine): Operation<VfioErrno | undefined> {
  const devices = [...machine.devices.values()]
  const members = devices.map((device) => ({ device, admit: admitted }))
  const outcome = yield* hotReset(machine.strategy, machine.set, members, () =>
    takeMemory('bus-reset', 'bus reset', devices),
  )
  return Refused.is(outcome) ? outcome.errno : outcome
}

/** Whose devices they are is asked before anything is contended for; here all are the caller's. */
const admitted = () => effect<VfioErrno | undefined>('ownership', [undefined], () => undefined)

/** An open; the first one enables the device. */
export function openOnce({ strategy }: Machine, device: ContendedDevice): Operation<VfioErrno | undefined> {
  return openDevice(strategy, device, () => work('enable', `enable ${device.id}`))
}

/** A close. The last one disables the device inside the lock of the set, with its readers excluded. */
export function closeOnce({ strategy }: Machine, device: ContendedDevice): Operation<void> {
  return closeDevice(strategy, device, () =>
    strategy.exclude(device, 'zap', function* () {
      yield* takeMemory('disable', `disable ${device.id}`, [device])
    }),
  )
}

/** Empties a mapping, makes it unfindable, and tells the strategy; as `do_munmap` under mmap_lock. */
export function* unmap({ strategy }: Machine, mapping: ContendedMapping): Operation<void> {
  yield* acquire(mapping.process.mmapLock)
  try {
    yield* unlink(strategy, mapping)
  } finally {
    yield* release(mapping.process.mmapLock)
  }
}

/** mmap itself maps no page and joins no list. */
export function* map(_machine: Machine, mapping: ContendedMapping): Operation<void> {
  yield* acquire(mapping.process.mmapLock)
  try {
    yield* link(mapping)
  } finally {
    yield* release(mapping.process.mmapLock)
  }
}

/** Maps anew in the same place, so that nobody finds nothing there. User space: `mmap` with `MAP_FIXED`. */
export function* remap({ strategy }: Machine, mapping: ContendedMapping): Operation<void> {
  yield* acquire(mapping.process.mmapLock)
  try {
    if (mapping.isLinked) yield* unlink(strategy, mapping)
    yield* link(mapping)
  } finally {
    yield* release(mapping.process.mmapLock)
  }
}

function* unlink(strategy: Machine['strategy'], mapping: ContendedMapping): Operation<void> {
  yield* zapMapping(mapping)
  yield* new WorkOp('map', `unlink ${mapping.id}`, () => {
    mapping.isLinked = false
  })
  if (strategy.vmaClosed !== undefined) yield* strategy.vmaClosed(mapping.device, mapping)
}

function link(mapping: ContendedMapping): WorkOp<void> {
  return new WorkOp('map', `link ${mapping.id}`, () => {
    mapping.isLinked = true
    mapping.forgetPages()
  })
}
