/** Gets the topology of a host file: a snapshot, any file that a reader recognises, or inline. */
import { resolve } from 'node:path'
import type { Diagnostic, Topology, TopologyReaders } from '@vfiokit/topology'
import { readTopologyFile } from '@vfiokit/topology/node'
import { stringify } from 'yaml'
import { ConfigError } from './config-error.ts'
import type { HostDocument } from './host-schema.ts'

/**
 * Reads it.
 *
 * @param folder - What file names are relative to.
 * @throws ConfigError when nothing could be read at all; lesser faults are left in the topology.
 */
export function readTopology(
  source: HostDocument['topology'],
  folder: string,
  readers: TopologyReaders,
): Topology {
  const topology = 'inline' in source ? inline(source.inline, readers) : file(source, folder, readers)
  if (topology.functions.length === 0) throw new ConfigError(reasons(topology))
  return topology
}

function file(
  source: { readonly snapshot: string } | { readonly file: string; readonly format?: string | undefined },
  folder: string,
  readers: TopologyReaders,
): Topology {
  if ('snapshot' in source)
    return readTopologyFile(resolve(folder, source.snapshot), { readers, format: 'sysfs-snapshot' })
  const { format } = source
  const path = resolve(folder, source.file)
  return readTopologyFile(path, format === undefined ? { readers } : { readers, format })
}

function inline(value: Readonly<Record<string, unknown>>, readers: TopologyReaders): Topology {
  const text = stringify({ vfiokit: 'topology/1', ...value })
  return readers.byFormat('yaml')!.read(text, { file: 'inline topology' })
}

function reasons({ faults }: Topology): readonly Diagnostic[] {
  if (faults.length > 0) return faults
  return [{ severity: 'error', code: 'topology-empty', message: 'the topology has no function' }]
}
