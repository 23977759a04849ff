/** TopologyEditing: what-if as one sentence: `edit(topology).remove(a).moveTo(b, c).finish()`. */
import type { Bdf } from '../bdf.ts'
import type { FunctionInput } from '../pci-function.ts'
import type { Topology } from '../topology.ts'
import { applyEdits } from './apply-edits.ts'
import type { AcsControls, EditPlace, EditResult, TopologyEdit } from './topology-edit.ts'

/** A step knows the one before it, so that a thousand steps do not copy a thousand lists. */
interface Step {
  readonly edit: TopologyEdit
  readonly before: Step | undefined
}

/** Edits that were asked for and not yet made. Immutable: each method gives a new one; keep the old one to go back. */
export class TopologyEditing {
  readonly #topology: Topology
  readonly #last: Step | undefined

  /** @internal use {@link edit}. */
  constructor(topology: Topology, last?: Step) {
    this.#topology = topology
    this.#last = last
    Object.freeze(this)
  }

  /** First to last. */
  get edits(): readonly TopologyEdit[] {
    const edits: TopologyEdit[] = []
    for (let step = this.#last; step !== undefined; step = step.before) edits.push(step.edit)
    return edits.reverse()
  }

  /** One more, as data. */
  with(edit: TopologyEdit): TopologyEditing {
    return new TopologyEditing(this.#topology, { edit, before: this.#last })
  }

  /** A function, or what is in a slot, with everything below and the virtual functions. */
  remove(target: EditPlace): TopologyEditing {
    return this.with({ kind: 'remove', target })
  }

  add(input: FunctionInput): TopologyEditing {
    return this.with({ kind: 'add', function: input })
  }

  /** @param card any function of it, or its slot. @param to a bridge (the bus below it), or a slot. */
  moveTo(card: EditPlace, to: EditPlace): TopologyEditing {
    return this.with({ kind: 'move', card, to })
  }

  /** @param count how many virtual functions there are then; 0 for none. */
  enableVfs(physical: Bdf, count: number): TopologyEditing {
    return this.with({ kind: 'vfs', physical, count })
  }

  /** @param controls those to switch on (true) or off (false). */
  setAcs(port: Bdf, controls: AcsControls): TopologyEditing {
    return this.with({ kind: 'acs', port, controls })
  }

  /** @param driver undefined: none. */
  setDriver(bdf: Bdf, driver: string | undefined): TopologyEditing {
    return this.with({ kind: 'driver', function: bdf, driver })
  }

  /** Makes the edits, in order. @see applyEdits */
  finish(): EditResult {
    return applyEdits(this.#topology, this.edits)
  }
}

/**
 * What if: a new topology from an old one. Nothing throws on an edit that cannot be made; it is in `diagnostics`.
 *
 * @example
 * import { Bdf, edit, yamlReader } from '@vfiokit/topology'
 * const machine = yamlReader.read(`
 * vfiokit: topology/1
 * functions:
 *   - {bdf: '00:01.0', id: '1b36:000c', class: '060400', bridge: {secondary: 1, subordinate: 1}}
 *   - {bdf: '01:00.0', id: '10de:2684', class: '030000', driver: nouveau}
 * `, {})
 * const gpu = Bdf.parse('01:00.0')
 * const { topology, diagnostics } = edit(machine).setDriver(gpu, 'vfio-pci').enableVfs(gpu, 4).finish()
 * console.log(topology.function(gpu)?.driver) // => vfio-pci
 * console.log(diagnostics.map(({ code }) => code).join()) // => edit-config-unknown
 */
export function edit(topology: Topology): TopologyEditing {
  return new TopologyEditing(topology)
}
