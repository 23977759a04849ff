/**
 * definePlugin and the types a plugin author needs. A plugin package depends on nothing else of ours.
 * @packageDocumentation
 */
export type { AnyLockingStrategy, LockingStrategy, Operation } from '@vfiokit/locking'
export type { BarIndex, Bdf, PciFunction, Topology, TopologyReader } from '@vfiokit/topology'
export type {
  BarBackedRegion,
  BarPage,
  MemoryBackedRegion,
  MemoryPage,
  Region,
  RegionBar,
  RegionHost,
  RegionKind,
  RegionProvider,
  TrappedRegion,
} from '@vfiokit/vfio-pci'
export { definePlugin, isPlugin, PLUGIN_API, type Plugin, type PluginDefinition } from './plugin.ts'
