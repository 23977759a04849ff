/** How long a step takes that was just taken. What is not here takes no time: cells, lists and marks. */
import { isOp, type Op, type OpKind, type OpResult } from '@vfiokit/locking'
import type { Costs } from '../costs.ts'
import { WorkOp } from '../machine/work.ts'
import type { ZapLedger } from '../machine/zap-ledger.ts'

/** A step with what it did. */
interface TakenStep {
  readonly op: Op<unknown>
  readonly result: OpResult
  readonly ledger: ZapLedger
  readonly costs: Costs
}

const lock = ({ costs }: TakenStep) => costs.lock

const zap = ({ ledger: { mappings, pages }, costs }: TakenStep) =>
  costs.zap + mappings * costs['zap-mapping'] + pages * costs['zap-page']

const COST_OF: { readonly [kind in OpKind]?: (step: TakenStep) => number } = {
  acquire: lock,
  'try-acquire': lock,
  release: lock,
  zap,
  'zap-mapping': zap,
  insert: ({ ledger, costs }) => ledger.inserted * costs.insert,
  // A page that is not there is a fault.
  access: ({ result, costs }) => (result === true ? costs.access : costs.fault),
  effect: ({ op, costs }) => {
    if (op instanceof WorkOp) return costs[op.cost]
    return isOp(op, 'effect') && op.subject?.kind === 'bar-access' ? costs.access : 0
  },
}

/** Nanoseconds. */
export function opCost(step: TakenStep): number {
  return COST_OF[step.op.kind]?.(step) ?? 0
}
