/** Describes the machine of a recording, from wherever its parts are. */
import type { KernelVersion } from '@vfiokit/vfio-core'
import type { MachineDescription } from '../conformance-host.ts'
import { InputError } from '../input-error.ts'
import type { GoldenSource } from './golden-source.ts'
import { MachineFacts } from './machine-facts.ts'

/** The driver that recordings are about. */
const VFIO_PCI = 'vfio-pci'

/**
 * @param sources - Asked in turn for each part: the first that has it decides.
 * @throws InputError when none has a snapshot, or it is damaged.
 */
export function describeMachine(
  kernel: KernelVersion,
  host: string,
  sources: readonly GoldenSource[],
): MachineDescription {
  const snapshot = first(sources, (source) => source.snapshot(kernel, host))
  if (snapshot === undefined) {
    const file = sources.map(({ title }) => title).join(', ')
    throw new InputError([{ file, expected: `a snapshot of ${host} under ${kernel}`, found: 'none' }])
  }
  const facts = MachineFacts.fromSnapshot(snapshot.text, snapshot.file)
  return {
    kernel,
    host,
    snapshot,
    facts,
    bind: facts.boundTo(VFIO_PCI),
    masks: first(sources, (source) => source.masks(host)) ?? {},
    profiles: first(sources, (source) => source.profiles()) ?? {},
  }
}

function first<T>(
  sources: readonly GoldenSource[],
  find: (source: GoldenSource) => T | undefined,
): T | undefined {
  for (const source of sources) {
    const found = find(source)
    if (found !== undefined) return found
  }
  return undefined
}
