/**
 * PCI topology: functions, buses, slots and bridges from snapshots, sysfs or YAML, and what resets together.
 * @packageDocumentation
 */

export { type AcsBit, type AcsOptions, type AcsVerdict, acsVerdict } from './acs.ts'
export {
  type Advice,
  type AdviceGroup,
  type AdviceOptions,
  type AdviceVerdict,
  advise,
  describeGroupReason,
} from './advice.ts'
export { type Bar, type BarIndex, barSizeFromProbe, type DecodedBars, decodeBars } from './bar.ts'
export { Bdf, type BdfParts, type BdfStatics } from './bdf.ts'
export { type Bridge, type BridgeWindows, type BusNumbers, decodeWindows, type Window } from './bridge.ts'
export type { Bus } from './bus.ts'
export type { EnhancedAllocationEntry, ResizableBar } from './capabilities/bar-extensions.ts'
export {
  CAPABILITY_ID,
  type Capability,
  type CapabilityKnowledge,
  type CapabilityLists,
  EXTENDED_CAPABILITY_ID,
  findCapability,
} from './capability.ts'
export type { FieldValue } from './capability-layout.ts'
export { capabilityBytes, decodeCapability } from './capability-layouts.ts'
export { capabilityName } from './capability-names.ts'
export { type CapabilityWalk, walkCapabilities } from './capability-walk.ts'
export {
  type ComposedCapability,
  type ComposedIdentity,
  ConfigComposer,
} from './config-composer.ts'
export { type ConfigHole, ConfigSpace } from './config-space.ts'
export { type Diagnostic, formatDiagnostic } from './diagnostic.ts'
export type { DiffValue, FieldChange } from './diff/field-change.ts'
export { formatDiff } from './diff/format-diff.ts'
export type { GroupChange } from './diff/group-comparison.ts'
export {
  type DiffOptions,
  diffTopologies,
  type FunctionChange,
  type FunctionSummary,
  type NamedChange,
  type NamedDiff,
  type TopologyDiff,
} from './diff/topology-diff.ts'
export { functionInputOf } from './function-input.ts'
export { deviceSetKey, type HotReset, hotReset } from './hot-reset.ts'
export {
  type HotResetOwnership,
  type HotResetProof,
  type HotResetRefusal,
  hotResetOwnership,
  hotResetRefusal,
  type IommufdBinding,
} from './hot-reset-ownership.ts'
export {
  type GroupPrediction,
  type GroupReason,
  type GroupSource,
  type GroupVerdict,
  predictGroups,
} from './iommu-group.ts'
export { DEFAULT_KERNEL, KERNEL_PROFILES, type KernelName, type KernelProfile } from './kernel-profile.ts'
export type { FunctionInput, PciFunction, SubsystemIds, UngroupedFunction } from './pci-function.ts'
export type { PcieInfo, PciePortType } from './pcie.ts'
export type { Identified } from './quirks/function-id.ts'
export { forbidsBusReset } from './quirks/no-bus-reset.ts'
export { BUILTIN_READERS } from './readers/builtin.ts'
export { hwlocXmlReader } from './readers/hwloc-xml.ts'
export { jsonReader } from './readers/json.ts'
export { lspciDumpReader } from './readers/lspci-dump.ts'
export { lspciListReader } from './readers/lspci-list.ts'
export { lspciMachineReader } from './readers/lspci-machine.ts'
export { lspciRecordsReader } from './readers/lspci-records.ts'
export { sysfsSnapshotReader } from './readers/sysfs-snapshot.ts'
export type { ReadSource, TopologyReader } from './readers/topology-reader.ts'
export { TopologyReaders } from './readers/topology-readers.ts'
export { yamlReader } from './readers/yaml.ts'
export { reportLines, writeReport } from './report-text.ts'
export { type ResetDomain, type ResetDomainOptions, type ResetDomains, resetDomain } from './reset-domain.ts'
export {
  explainResetMethods,
  predictResetMethods,
  RESET_METHODS,
  type ResetMethod,
  type ResetMethodOptions,
  type ResetMethodVerdict,
  type ResetObstacle,
} from './reset-methods.ts'
export type { Slot, SlotInput } from './slot.ts'
export type { Topology } from './topology.ts'
export { type Place, TopologyBuilder } from './topology-builder.ts'
export {
  type BarReport,
  type BusReport,
  type FunctionReport,
  type SlotReport,
  type TopologyReport,
  type TopologyReportOptions,
  topologyReport,
} from './topology-report.ts'
export {
  type SriovInfo,
  sriovInfo,
  type VirtualFunctionAddresses,
  virtualFunctionAddresses,
} from './virtual-functions.ts'
export { applyEdits } from './what-if/apply-edits.ts'
export { formatEdit, type ParsedEdit, parseEdit } from './what-if/edit-text.ts'
export type {
  AcsControl,
  AcsControls,
  EditPlace,
  EditResult,
  TopologyEdit,
} from './what-if/topology-edit.ts'
export { edit, TopologyEditing } from './what-if/topology-editing.ts'
export { writeJson } from './writers/json.ts'
export { type FunctionNames, type LspciListOptions, writeLspciList } from './writers/lspci-list.ts'
export { type LspciTreeOptions, writeLspciTree } from './writers/lspci-tree.ts'
export { writeYaml } from './writers/yaml.ts'
export {
  type YamlCheck,
  YamlDocument,
  type YamlPath,
  type YamlPosition,
  type YamlSource,
} from './yaml-document.ts'
