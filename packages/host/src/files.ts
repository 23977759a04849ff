/**
 * The files that people write, and the strategies that ship, without what it takes to run a host: for who only
 * looks into a scenario.
 * @packageDocumentation
 */
export { type Complain, type Complaint, ConfigError, complainPlainly } from './config-error.ts'
export type { HostConfig } from './create-host.ts'
export { parseHost, readHostFile } from './host-file.ts'
export type { InputFile } from './input-file.ts'
export type {
  DataFdArguments,
  IovaRangeArguments,
  MigrationStateWord,
  MigrationStepTypes,
} from './scenario/migration-step-schema.ts'
export { parseScenario, readScenarioFile, type Scenario } from './scenario/scenario-file.ts'
export {
  type DeviceArguments,
  isChecked,
  type MappingDocument,
  type RegionArguments,
  type ScenarioDocument,
  type StepArguments,
  type StepArgumentTypes,
  type StepDocument,
  type StepName,
  type TaskDocument,
  type Verdict,
} from './scenario/scenario-schema.ts'
export { findStrategy, isCanary, shippedStrategies } from './strategy-choice.ts'
