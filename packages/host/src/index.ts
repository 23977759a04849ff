/**
 * The composition root: createHost(config) wires the packages, loads plugins and runs scenarios.
 * @packageDocumentation
 */
export type { DeviceModelFactory, FunctionProfile } from '@vfiokit/hardware'
export { KERNEL_VERSIONS, type KernelVersion } from '@vfiokit/vfio-core'
export { createHost } from './create-host.ts'
export { deviceModels } from './device-models.ts'
export * from './files.ts'
export type { FirmwareDocument, MemoryDocument, Number64 } from './firmware-document.ts'
export type { Host } from './host.ts'
export { HOST_SCHEMA, type HostDocument } from './host-schema.ts'
export { PciOperator } from './pci-operator.ts'
export { checkPlugin } from './plugin-check.ts'
export { type LoadedPlugin, loadPlugin, loadPlugins } from './plugin-loader.ts'
export { pluginFile } from './plugin-place.ts'
export { PluginRecorder } from './recording/plugin-recorder.ts'
export type { RecordedValue } from './recording/recorded-value.ts'
export {
  callCount,
  type RecordedCall,
  type RecordedRun,
  type RecordedStart,
  type Recording,
} from './recording/recording.ts'
export {
  type ChangedPart,
  firstDifference,
  isSameValue,
  type RecordingDifference,
} from './recording/recording-difference.ts'
export { parseRecording, readRecordingFile, recordingText } from './recording/recording-file.ts'
export type { RunRecorder } from './recording/run-recorder.ts'
export {
  type ReloadReport,
  type RunningOptions,
  RunningScenario,
} from './reload/running-scenario.ts'
export { type DeviceSummary, summariseDevices } from './scenario/device-summary.ts'
export type { DataFiles, KeptBytes } from './scenario/migration-data.ts'
export {
  type RunOptions,
  runOn,
  runScenario,
  type ScenarioOptions,
} from './scenario/run-scenario.ts'
export {
  type EngineFinding,
  type EngineSample,
  type EngineSampleOptions,
  type EngineSampler,
  type EngineStep,
  replayEngine,
  sampleEngine,
} from './scenario/sample-engine.ts'
export {
  type Backing,
  firstViolation,
  type IdlePlugin,
  type MappingResult,
  type RegionResult,
  type ScenarioResult,
} from './scenario/scenario-result.ts'
export { SCENARIO_SCHEMA, STEP_NAMES, VERDICTS } from './scenario/scenario-schema.ts'
export type { OpenGroup, Stage } from './scenario/stage.ts'
export { describeStep } from './scenario/steps.ts'
export type { MappingCounts, RunCounts, TimelineEvent } from './scenario/timeline.ts'
