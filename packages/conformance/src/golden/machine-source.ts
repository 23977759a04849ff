/** Describes the machine of a recording, from wherever its parts are. */
import type { KernelVersion } from '@vfiokit/vfio-core'
import type { MachineDescription } from '../conformance-host.ts'
import { InputError } from '../input-error.ts'
import type { GoldenSource, Measurements } from './golden-source.ts'
import { MachineFacts } from './machine-facts.ts'

/** The driver that recordings are about. */
const VFIO_PCI = 'vfio-pci'

/**
 * @param sources - Asked in turn for each part, which is one snapshot, the mask of one function, the profile
 *   of one kind: the first that has it decides.
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
    masks: together(sources, (source) => source.masks(host)),
    profiles: together(sources, (source) => source.profiles()),
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

/** What each source has, by BDF or kind; an earlier source decides. */
function together(
  sources: readonly GoldenSource[],
  find: (source: GoldenSource) => Measurements | undefined,
): Measurements {
  const found: Record<string, unknown> = {}
  for (const source of [...sources].reverse()) Object.assign(found, find(source))
  return found
}
