/** What each step of a model does: the shared bodies under the strategy of the model. */
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
  label,
  type Operation,
  openDevice,
  progress,
  Refused,
  release,
  resetFunction,
  scoped,
  setMemoryEnabled,
  setPower,
  touch,
  type VfioErrno,
  zapMapping,
} from '@vfiokit/locking'
import type { ExploredDevice } from './explored-device.ts'
import type { ExploredMapping } from './explored-mapping.ts'
import { found } from './lookup.ts'
import type { Model } from './model.ts'
import { BusyOp, CopyOp, LifecycleOp, LinkOp } from './model-ops.ts'
import type { OnBusy, StepSpec } from './model-spec.ts'

const works = (name: string) => () => effect<VfioErrno | undefined>(name, [undefined], () => undefined)

type StepOf<K extends StepSpec['do']> = StepSpec & { readonly do: K }
type Runner<K extends StepSpec['do']> = (run: StepRunner, step: StepOf<K>) => Operation<unknown>

/** By name; the type says that none is missing. */
const RUNNERS: { readonly [K in StepSpec['do']]: Runner<K> } = {
  touch: (run, { mapping, unit }) => run.touch(run.mapping(mapping), unit ?? 0),
  access: (run, { device, buffer }) => run.access(run.device(device), buffer),
  'set-memory': (run, { device, on }) =>
    setMemoryEnabled(run.model.strategy, run.device(device), on, works('command write')),
  power: (run, { device, state }) =>
    setPower(run.model.strategy, run.device(device), state, () =>
      effect('power write', [state], () => state),
    ),
  reset: (run, { device }) => resetFunction(run.model.strategy, run.device(device), works('function reset')),
  'hot-reset': (run, { onBusy = 'give-up' }) => HOT_RESETS[onBusy](run),
  *open(run, { device: name }) {
    const device = run.device(name)
    const errno = yield* openDevice(run.model.strategy, device, function* () {
      yield* new LifecycleOp(device, 'enable')
      return undefined
    })
    return errno
  },
  close(run, { device: name }) {
    const device = run.device(name)
    return closeDevice(run.model.strategy, device, () => new LifecycleOp(device, 'disable'))
  },
  munmap: (run, { mapping }) => run.munmap(run.mapping(mapping)),
  mmap: (run, { mapping }) => run.mmap(run.mapping(mapping)),
  fork: (run, { into }) => run.fork(into),
}

const HOT_RESETS: Readonly<Record<OnBusy, (run: StepRunner) => Operation<unknown>>> = {
  'give-up': (run) => run.hotReset(),
  retry: (run) => run.hotResetUntilDone(),
  fail: (run) => run.hotResetThatMustGo(),
}

/** Makes the operations of a model's tasks. */
export class StepRunner {
  constructor(readonly model: Model) {}

  /** The steps of a task, one after the other, each in a scope of its own. */
  *task(steps: readonly StepSpec[]): Operation<void> {
    for (const [at, step] of steps.entries()) {
      yield* scoped(`${at} ${step.do}`, (RUNNERS[step.do] as Runner<StepSpec['do']>)(this, step))
      yield* progress()
    }
  }

  device(name: string): ExploredDevice {
    return found(this.model.devices, name, 'device')
  }

  mapping(name: string): ExploredMapping {
    return found(this.model.mappings, name, 'mapping')
  }

  touch(mapping: ExploredMapping, unit: number): Operation<FaultOutcome> {
    const { strategy, devices } = this.model
    const device = found(devices, mapping.device.id, 'device')
    const what = strategy.populate === 'mapping' ? 'all' : unit
    return touch(strategy, device, mapping, unit, () => faultBody(device, mapping, what))
  }

  /** One access of the kernel, and the copy from or to user memory, without any lock. */
  *access(device: ExploredDevice, buffer: string | undefined): Operation<VfioErrno | undefined> {
    const body = accessBody(device, barAccess(device), () => {})
    if ((yield* guarded(this.model.strategy.readSide(device), body)) === DENIED) return 'EIO'
    if (buffer === undefined) return undefined
    return (yield* this.touch(this.mapping(buffer), 0)) === 'nopage' ? undefined : 'EFAULT'
  }

  /** @returns the errno of a refusal: EBUSY where a member was contended. */
  *hotReset(): Operation<VfioErrno | undefined> {
    const devices = [...this.model.devices.values()]
    const members = devices.map((device) => ({ device, admit: works(`ownership of ${device.id}`) }))
    const outcome = yield* hotReset(this.model.strategy, this.model.set, members, () =>
      effect<VfioErrno | undefined>('bus reset', [undefined], () => undefined, {
        kind: 'bus-reset',
        devices,
      }),
    )
    return Refused.is(outcome) ? outcome.errno : outcome
  }

  *hotResetUntilDone(): Operation<void> {
    do yield* label('hot reset')
    while ((yield* this.hotReset()) === 'EBUSY')
  }

  *hotResetThatMustGo(): Operation<void> {
    if ((yield* this.hotReset()) === 'EBUSY') yield* new BusyOp()
  }

  /** Empties the mapping, makes it unfindable, and tells the strategy; as `do_munmap` under mmap_lock. */
  *munmap(mapping: ExploredMapping): Operation<void> {
    const { strategy, devices } = this.model
    yield* acquire(mapping.process.mmapLock)
    try {
      yield* zapMapping(mapping)
      yield* new LinkOp(mapping, false)
      const device = found(devices, mapping.device.id, 'device')
      if (strategy.vmaClosed !== undefined) yield* strategy.vmaClosed(device, mapping)
    } finally {
      yield* release(mapping.process.mmapLock)
    }
  }

  /** mmap itself maps no page and joins no list. */
  *mmap(mapping: ExploredMapping): Operation<void> {
    yield* acquire(mapping.process.mmapLock)
    try {
      yield* new LinkOp(mapping, true)
    } finally {
      yield* release(mapping.process.mmapLock)
    }
  }

  /** Copies each mapping with its pages and tells the strategy, under the mmap_lock of the parent. */
  *fork(into: string): Operation<void> {
    const { strategy, spec } = this.model
    const copies = spec.mappings.flatMap(({ name, process, copyOf }) =>
      process === into && copyOf !== undefined
        ? [{ copy: this.mapping(name), original: this.mapping(copyOf) }]
        : [],
    )
    if (copies.length === 0) return
    const { mmapLock } = copies[0]!.original.process
    yield* acquire(mmapLock)
    try {
      for (const { copy, original } of copies) {
        yield* new CopyOp(original, copy)
        if (strategy.vmaOpened !== undefined) yield* strategy.vmaOpened(this.device(copy.device.id), copy)
      }
    } finally {
      yield* release(mmapLock)
    }
  }
}
