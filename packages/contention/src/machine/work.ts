/** Hardware and bookkeeping as steps that cost something, and what must hold when they are taken. */
import { EffectOp, type VfioErrno } from '@vfiokit/locking'
import type { CostName } from '../costs.ts'
import type { ContendedDevice } from './contended-device.ts'

/** A step that takes the time of one row of the cost model. */
export class WorkOp<R> extends EffectOp<R> {
  constructor(
    readonly cost: CostName,
    object: string,
    work: () => R,
  ) {
    super(object, [], work, undefined)
  }
}

/** Work that never fails. */
export function work(cost: CostName, object: string): WorkOp<VfioErrno | undefined> {
  return new WorkOp(cost, object, () => undefined)
}

/**
 * Work that takes the memory of devices away. Figures of a strategy that leaves pages mapped would be
 * those of something else, so the run ends.
 */
export function takeMemory(
  cost: CostName,
  object: string,
  devices: readonly ContendedDevice[],
): WorkOp<VfioErrno | undefined> {
  return new WorkOp(cost, object, () => {
    for (const { id, presentBarPages } of devices)
      if (presentBarPages > 0) throw new Error(`${object} while ${presentBarPages} pages of ${id} are mapped`)
    return undefined
  })
}
