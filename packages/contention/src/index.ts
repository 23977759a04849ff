/**
 * Locking strategies compared in simulated time, under a cost model that says where each figure is from.
 * @packageDocumentation
 */
export { COSTS, type CostName, type CostRow, type Costs, costsWith, isCostName } from './costs.ts'
export type { MachineSize } from './machine/machine.ts'
export type { ContentionResult, ContentionVerdict, OperationFigures } from './measure/result.ts'
export { OPERATION_KINDS, type OperationKind } from './measure/tally.ts'
export { csvOf } from './report/csv.ts'
export { type ContentionSize, type Measurement, variedDimensions } from './report/measurement.ts'
export { plotOf } from './report/plot.ts'
export { countText, shareText, timeText } from './report/units.ts'
export {
  type ContentionOptions,
  type ContentionProgress,
  DEFAULT_SIZE,
  simulate,
  simulateNow,
} from './simulate.ts'
export {
  type ClientShape,
  DEFAULT_RATES,
  type MappingShape,
  type Rates,
  type Workload,
  type WorkStep,
} from './workload.ts'
