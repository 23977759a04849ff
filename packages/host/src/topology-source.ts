/** Gets the topology of a host: as it is, from a snapshot, from any file that a reader recognises, or inline. */
import {
  type Diagnostic,
  type Topology,
  type TopologyReaders,
  YamlDocument,
  type YamlPath,
} from '@vfiokit/topology'
import { readTopologyFile } from '@vfiokit/topology/node'
import { stringify } from 'yaml'
import { type Complain, ConfigError, complainPlainly } from './config-error.ts'
import type { HostConfig } from './create-host.ts'
import type { HostDocument } from './host-schema.ts'
import { pathFrom } from './input-file.ts'

/** A topology, and what is odd about it, at its place in whatever it was read from. */
export interface TopologyRead {
  readonly topology: Topology
  readonly warnings: readonly Diagnostic[]
}

/** @throws ConfigError when nothing could be read at all; lesser faults are warnings. */
export function readTopology(config: HostConfig, readers: TopologyReaders): TopologyRead {
  const { topology: source, folder = '.', complain = complainPlainly } = config
  const topology = reading(source, folder, readers, complain)
  const faults = 'inline' in source ? placed(topology.faults, source.inline, complain) : topology.faults
  if (topology.functions.length === 0) throw new ConfigError(reasons(faults, complain))
  // The host goes on without what could not be used.
  return { topology, warnings: faults.map((fault) => ({ ...fault, severity: 'warning' })) }
}

/** Readers do not throw; one that a plugin brought may. */
function reading(
  source: HostConfig['topology'],
  folder: string,
  readers: TopologyReaders,
  complain: Complain,
): Topology {
  if ('functions' in source) return source
  try {
    if ('inline' in source) return readers.byFormat('yaml')!.read(textOf(source.inline), {})
    if ('snapshot' in source)
      return readTopologyFile(pathFrom(folder, source.snapshot), { readers, format: 'sysfs-snapshot' })
    const { file, format } = source
    return readTopologyFile(pathFrom(folder, file), format === undefined ? { readers } : { readers, format })
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigError([
      complain(['topology'], { code: 'reader-failed', message: 'a topology reader failed', found }),
    ])
  }
}

type Inline = Extract<HostDocument['topology'], { inline: unknown }>['inline']

function textOf(inline: Inline): string {
  return stringify({ vfiokit: 'topology/1', ...inline }, { lineWidth: 0 })
}

/** Where the reader saw a fault is a place in text that nobody wrote: finds the one in the host file. */
function placed(faults: readonly Diagnostic[], inline: Inline, complain: Complain): readonly Diagnostic[] {
  if (faults.length === 0) return faults
  const document = YamlDocument.parse(textOf(inline))
  const paths = new Map<string, YamlPath>()
  for (const path of pathsOf(document.value, [])) {
    for (const part of ['value', 'key'] as const) {
      const { line, column } = document.positionOf(path, part)
      paths.set(`${line}:${column}`, path)
    }
  }
  return faults.map(({ line, column, ...fault }) => {
    const path = paths.get(`${line}:${column}`) ?? []
    return { ...complain(['topology', 'inline', ...path], fault), ...severityAndBdf(fault) }
  })
}

function severityAndBdf({ severity, bdf }: Diagnostic): Pick<Diagnostic, 'severity' | 'bdf'> {
  return bdf === undefined ? { severity } : { severity, bdf }
}

/** Every place of plain data, what is inside after what it is in. */
function* pathsOf(value: unknown, path: YamlPath): Generator<YamlPath> {
  yield path
  if (typeof value !== 'object' || value === null) return
  for (const [key, inner] of Object.entries(value))
    yield* pathsOf(inner, [...path, Array.isArray(value) ? Number(key) : key])
}

function reasons(faults: readonly Diagnostic[], complain: Complain): readonly Diagnostic[] {
  if (faults.length > 0) return faults
  const expected = 'a function at least'
  return [
    complain(['topology'], {
      code: 'topology-empty',
      message: 'the topology is empty',
      expected,
      found: 'none',
    }),
  ]
}
