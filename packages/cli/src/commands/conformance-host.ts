/** Hosts of the model for conformance runs: the machine of a recording, under its kernel. */
import { type ConformanceHost, InputError, type MachineDescription, type Seeds } from '@vfiokit/conformance'
import { createHost, type FunctionProfile, type Host } from '@vfiokit/host'
import { type Bdf, formatDiagnostic, sysfsSnapshotReader, type Topology } from '@vfiokit/topology'
import { seededModels } from './device-seeds.ts'

/** A snapshot is read once for all scripts of its machine: a topology does not change. */
const topologies = new WeakMap<MachineDescription, Topology>()

/** Brings a fresh host up. @throws InputError for a snapshot that no machine can be made from. */
export async function makeConformanceHost(
  machine: MachineDescription,
  seeds: Seeds | undefined,
): Promise<ConformanceHost> {
  const host = await createHost({
    kernel: machine.kernel,
    topology: topologyOf(machine),
    bind: machine.bind,
    // As Debian builds its kernels: BIND_IOMMUFD of a file from a group was ENOTTY on all that were recorded.
    deviceNodes: false,
    deviceModels: seededModels(machine.profiles, seeds),
    functionProfiles: ({ bdf }) => measured(machine, bdf),
  })
  return portsOf(host)
}

/** The ports of a host that scripts use. */
export function portsOf({ vfio, operator, bus }: Host): ConformanceHost {
  return {
    vfio,
    operator,
    advance: (milliseconds) => bus.machine.clock.advance(milliseconds),
    idle: () => new Promise((resolve) => setImmediate(resolve)),
  }
}

function topologyOf(machine: MachineDescription): Topology {
  const known = topologies.get(machine)
  if (known !== undefined) return known
  const { text, file } = machine.snapshot
  const topology = sysfsSnapshotReader.read(text, { file })
  if (topology.functions.length === 0) {
    const found = topology.faults.map(formatDiagnostic).join('; ') || 'none'
    throw new InputError([{ file, expected: 'functions', found }])
  }
  topologies.set(machine, topology)
  return topology
}

/** What was measured of a function; undefined where nothing was. The machines of recordings are QEMU's. */
function measured({ masks }: MachineDescription, bdf: Bdf): FunctionProfile | undefined {
  const mask = masks[bdf] as Partial<FunctionProfile> | undefined
  return typeof mask?.rw === 'string' ? { ...(mask as FunctionProfile), silentMemory: 'zeros' } : undefined
}
