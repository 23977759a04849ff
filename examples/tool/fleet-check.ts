/** A fleet: one summary line for every machine description in a folder, whatever its format. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Bdf, predictGroups, type Topology } from '@vfiokit/topology'
import { readTopologyFile } from '@vfiokit/topology/node'

/** Lines in the order of the file names; what cannot be read has a line, too. */
export function fleetCheck(folder: string): string[] {
  return readdirSync(folder)
    .sort()
    .filter((name) => statSync(join(folder, name)).isFile())
    .map((name) => `${name}: ${summary(readTopologyFile(join(folder, name)))}`)
}

function summary(topology: Topology): string {
  const { functions, faults } = topology
  if (functions.length === 0) return `cannot be read: ${faults[0]?.message ?? 'no function'}`
  const bound = functions.filter(({ driver }) => driver === 'vfio-pci').length
  const parts = [
    `${functions.length} functions`,
    `${bound} on vfio-pci`,
    `${unpredicted(topology)} groups that are not as predicted`,
    `${functions.filter(({ resetMethods }) => resetMethods?.length === 0).length} without a reset`,
    `${faults.length} faults`,
  ]
  return parts.join(', ')
}

/** Groups that the kernel formed otherwise than Linux would from these registers: worth a look. */
function unpredicted(topology: Topology): number {
  const prediction = predictGroups(topology, { acs: 'as-found' })
  const actual = new Map<number, Bdf[]>()
  for (const { bdf, iommuGroup } of topology.functions)
    if (iommuGroup !== undefined) actual.set(iommuGroup, [...(actual.get(iommuGroup) ?? []), bdf])
  return [...actual.values()].filter((members) => {
    const predicted = prediction.verdict(
      topology.functions.find(({ bdf }) => bdf === members[0])!.bdf,
    )?.members
    return predicted?.join() !== members.join()
  }).length
}
