/**
 * Bindings of this package for an inversify container: the readers, and the registry over all that are bound.
 * @packageDocumentation
 */
import { ContainerModule, type ServiceIdentifier } from 'inversify'
import { BUILTIN_READERS } from './readers/builtin.ts'
import type { TopologyReader } from './readers/topology-reader.ts'
import { TopologyReaders } from './readers/topology-readers.ts'
import type { Topology } from './topology.ts'

/** The machine at hand; bound by whoever has read it. */
export const TOPOLOGY = Symbol.for('@vfiokit/topology/Topology') as ServiceIdentifier<Topology>

/** Multi-bound: one binding per format; plugins add theirs. */
export const TOPOLOGY_READER = Symbol.for(
  '@vfiokit/topology/TopologyReader',
) as ServiceIdentifier<TopologyReader>

/** All bound readers. */
export const TOPOLOGY_READERS = Symbol.for(
  '@vfiokit/topology/TopologyReaders',
) as ServiceIdentifier<TopologyReaders>

export const topologyModule: ContainerModule = new ContainerModule(({ bind }) => {
  for (const reader of BUILTIN_READERS) bind(TOPOLOGY_READER).toConstantValue(reader)
  bind(TOPOLOGY_READERS)
    .toDynamicValue((context) => new TopologyReaders(context.getAll(TOPOLOGY_READER)))
    .inSingletonScope()
})
