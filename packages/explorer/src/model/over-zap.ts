/**
 * Over-zap: mappings of a device that lose their pages although the operation is not about that device.
 * Harmless, since they fault again, and paid for by whoever uses them.
 *
 * It is a matter of the code alone, not of interleavings: each zap is looked at once, with the step of
 * the scenario that it belongs to.
 */
import { isOp, type Op } from '@vfiokit/locking'
import type { StepChecks } from '../program/lower.ts'
import { ExploredMapping, ExploredSpace } from './explored-mapping.ts'
import type { StepSpec } from './model-spec.ts'

/** Collects what the zaps of a model reach in excess. */
export class OverZap {
  /** The most mappings of other devices that one zap reaches. */
  mappings = 0

  /** @param steps - What operations do, by the name under which they are compiled. */
  constructor(readonly steps: ReadonlyMap<string, readonly StepSpec[]>) {}

  /** The same checks, with each op looked at on the way. */
  watch(checks: StepChecks): StepChecks {
    return (op, held, place) => {
      // The outermost scope of an op begins with the number of its step.
      const step = this.steps.get(place.operation)?.[Number.parseInt(place.path[0] ?? '', 10)]
      if (step !== undefined) this.#note(op, step)
      return checks(op, held, place)
    }
  }

  #note(op: Op<unknown>, step: StepSpec): void {
    const inExcess = reached(op).filter((mapping) => !isAbout(step, mapping))
    this.mappings = Math.max(this.mappings, inExcess.length)
  }
}

function reached(op: Op<unknown>): ExploredMapping[] {
  if (isOp(op, 'zap-mapping')) return op.mapping instanceof ExploredMapping ? [op.mapping] : []
  if (!(isOp(op, 'zap') && op.space instanceof ExploredSpace)) return []
  return op.space.mappings.filter((mapping) => op.ranges.some((range) => mapping.unitsIn(range).length > 0))
}

/** A hot reset is about every device, any other step about one, by its name or that of a mapping. */
function isAbout(step: StepSpec, { device, name, place }: ExploredMapping): boolean {
  if (!place.followsMemory) return 'mapping' in step && step.mapping === name
  if ('device' in step) return step.device === device.id
  return 'mapping' in step ? step.mapping === name : true
}
