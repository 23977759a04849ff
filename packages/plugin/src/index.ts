/**
 * definePlugin and the types a plugin author needs. A plugin package depends on nothing else of ours.
 * @packageDocumentation
 */
export type { AnyLockingStrategy, LockingStrategy, Operation, VfioErrno } from '@vfiokit/locking'
export type { BarIndex, Bdf, PciFunction, Topology, TopologyReader } from '@vfiokit/topology'
export type {
  AccessAnswer,
  Answer,
  BarBackedBody,
  BarBackedRegion,
  BarCut,
  BarOverride,
  BarPage,
  BarRegister,
  BarReplacement,
  MapPlace,
  MemoryBackedBody,
  MemoryBackedRegion,
  MemoryPage,
  MigrationSink,
  MigrationSource,
  MigrationStateName,
  OfKind,
  OtherFunction,
  OwnConfig,
  PhysicallyBackedBody,
  PhysicallyBackedRegion,
  PhysicalPage,
  PreCopyInfo,
  Region,
  RegionArea,
  RegionBar,
  RegionBody,
  RegionConfig,
  RegionHost,
  RegionKind,
  RegionProvider,
  ResetHost,
  TrappedBody,
  TrappedRegion,
  Variant,
  VariantDmaLog,
  VariantDriver,
  VariantFeature,
  VariantMigration,
  VendorReset,
} from '@vfiokit/vfio-pci'
export { definePlugin, isPlugin, PLUGIN_API, type Plugin, type PluginDefinition } from './plugin.ts'
