/** Makes the edits of a machine one after the other and builds the topology that comes of them. */
import { Bdf } from '../bdf.ts'
import type { Diagnostic } from '../diagnostic.ts'
import { functionInputOf, slotInputsOf } from '../function-input.ts'
import type { FunctionInput } from '../pci-function.ts'
import type { SlotInput } from '../slot.ts'
import type { Topology } from '../topology.ts'
import { TopologyBuilder } from '../topology-builder.ts'
import { setAcs } from './acs-control.ts'
import { moveCard } from './card-move.ts'
import { formatEdit } from './edit-text.ts'
import { MachineDraft } from './machine-draft.ts'
import { type EditOutcome, isDiagnostic, noSuchFunction, noSuchSlot, refuse, warn } from './refusal.ts'
import type { EditPlace, EditResult, TopologyEdit } from './topology-edit.ts'
import { setVirtualFunctionCount } from './virtual-function-count.ts'

/**
 * The topology as it would be. An edit that cannot be made is left out, with an error that says why; those after it
 * are made. Addresses in an edit are those that the edits before it left. Addresses of BARs and windows stay as they
 * are. What the kernel recorded (groups, reset methods) is dropped where an edit may have changed it.
 *
 * @example
 * import { Bdf, applyEdits, yamlReader } from '@vfiokit/topology'
 * const machine = yamlReader.read(`
 * vfiokit: topology/1
 * functions:
 *   - {bdf: '00:01.0', id: '1b36:000c', class: '060400', bridge: {secondary: 1, subordinate: 1}}
 *   - {bdf: '00:02.0', id: '1b36:000c', class: '060400', bridge: {secondary: 2, subordinate: 2}}
 *   - {bdf: '01:00.0', id: '10de:2684', class: '030000'}
 * `, {})
 * const edit = { kind: 'move', card: Bdf.parse('01:00.0'), to: Bdf.parse('00:02.0') } as const
 * console.log(applyEdits(machine, [edit]).topology.function(Bdf.parse('02:00.0'))?.parent) // => 0000:00:02.0
 */
export function applyEdits(topology: Topology, edits: Iterable<TopologyEdit>): EditResult {
  const session = new EditSession(topology)
  for (const edit of edits) session.apply(edit)
  return session.finish()
}

class EditSession {
  readonly #before: Topology
  readonly #machine: MachineDraft
  readonly #diagnostics: Diagnostic[] = []
  /** From the address that a function has now to the one it had first. */
  readonly #origins = new Map<Bdf, Bdf>()
  /** Devices that lost or got functions, as the address of their function 0. */
  readonly #touched = new Set<Bdf>()

  constructor(topology: Topology) {
    this.#before = topology
    this.#machine = new MachineDraft(topology)
  }

  apply(edit: TopologyEdit): void {
    const outcome = this.#make(edit)
    if (outcome === undefined) return
    this.#diagnostics.push({ ...outcome, message: `${formatEdit(edit)}: ${outcome.message}` })
  }

  finish(): EditResult {
    const topology = build(this.#machine.inputs(), this.#machine.slots, this.#keptFaults())
    for (const zero of this.#touched) this.#checkFunctionZero(zero)
    const renamed = new Map<Bdf, Bdf>()
    for (const [now, first] of this.#origins) {
      if (now !== first && this.#before.function(first) !== undefined) renamed.set(first, now)
    }
    return Object.freeze({ topology, diagnostics: Object.freeze(this.#diagnostics), renamed })
  }

  #make(edit: TopologyEdit): EditOutcome {
    switch (edit.kind) {
      case 'remove':
        return this.#remove(edit.target)
      case 'add':
        return this.#add(edit.function)
      case 'move':
        return this.#move(edit)
      case 'vfs':
        return setVirtualFunctionCount(this.#machine, edit)
      case 'acs':
        return setAcs(this.#machine, edit)
      case 'driver':
        return this.#driver(edit)
    }
  }

  #remove(target: EditPlace): EditOutcome {
    const machine = this.#machine
    const tops = typeof target === 'string' ? this.#known(target) : this.#inSlot(target.slot)
    if (isDiagnostic(tops)) return tops
    const gone = machine.withBelow(tops)
    for (const slot of [...machine.slots]) {
      const bridge = machine.bridgeOf(slot.domain, slot.bus)
      if (bridge !== undefined && gone.has(bridge)) machine.deleteSlot(slot.name)
    }
    for (const bdf of gone) {
      const { domain, bus } = Bdf.parts(bdf)
      this.#touched.add(functionZero(bdf))
      machine.delete(bdf)
      this.#origins.delete(bdf)
      if (tops.includes(bdf)) machine.forget(machine.onBus(domain, bus), 'resetMethods')
    }
    return undefined
  }

  #known(bdf: Bdf): readonly Bdf[] | Diagnostic {
    return this.#machine.get(bdf) === undefined ? noSuchFunction(bdf) : [bdf]
  }

  #inSlot(name: string): readonly Bdf[] | Diagnostic {
    const slot = this.#machine.slot(name)
    if (slot === undefined) return noSuchSlot(name)
    const members = this.#machine.inSlot(slot)
    return members.length > 0 ? members : refuse('edit-slot-empty', `slot '${name}' is empty`)
  }

  #add(input: FunctionInput): EditOutcome {
    const { bdf } = input
    const holder = this.#machine.get(bdf)
    if (holder !== undefined) return refuse('edit-address-taken', `${bdf} is taken`, { bdf })
    try {
      new TopologyBuilder().addFunction(input)
    } catch (error) {
      return refuse('edit-bad-function', (error as RangeError).message, { bdf })
    }
    this.#machine.add(input)
    this.#touched.add(functionZero(bdf))
    const { domain, bus, device } = Bdf.parts(bdf)
    this.#machine.forget(
      this.#machine.onBus(domain, bus).filter((other) => other !== bdf),
      'resetMethods',
    )
    const parent = this.#machine.get(bdf)?.parent
    if (device === 0 || input.physfn !== undefined || !this.#machine.isLink(parent)) return undefined
    const message = `${bdf} is below ${parent}, a link: Linux looks at device 0 only, unless ARI is on`
    return warn('edit-not-enumerated', message, { bdf })
  }

  #move(edit: Extract<TopologyEdit, { kind: 'move' }>): EditOutcome {
    const origins: (readonly [Bdf, Bdf])[] = []
    const outcome = moveCard(this.#machine, edit, (from, to) => {
      origins.push([to, this.#origins.get(from) ?? from])
      this.#origins.delete(from)
    })
    for (const [to, first] of origins) this.#origins.set(to, first)
    return outcome
  }

  #driver(edit: Extract<TopologyEdit, { kind: 'driver' }>): EditOutcome {
    const { function: bdf, driver } = edit
    const part = this.#machine.get(bdf)
    if (part === undefined) return noSuchFunction(bdf)
    if (driver === 'vfio-pci' && part.decoded.headerType !== 0) {
      return refuse('edit-driver-refuses', `vfio-pci does not take bridges, and ${bdf} is one`, { bdf })
    }
    if (driver === 'vfio-pci' && this.#machine.virtualFunctions(bdf).length > 0) {
      const message = `vfio-pci does not take ${bdf} while it has virtual functions`
      return refuse('edit-driver-refuses', message, { bdf })
    }
    this.#machine.replace(bdf, { driver })
    return undefined
  }

  /** Faults that the reader of the source found itself: the builder does not find them again. */
  #keptFaults(): readonly Diagnostic[] {
    const { faults } = this.#before
    if (faults.length === 0) return []
    const inputs = this.#before.functions.map((fn) => functionInputOf(this.#before, fn))
    const again = new Set(build(inputs, slotInputsOf(this.#before), []).faults.map(faultKey))
    const now = new Map([...this.#origins].map(([after, before]) => [before, after]))
    return faults.flatMap((fault) => {
      if (again.has(faultKey(fault))) return []
      if (fault.bdf === undefined) return [fault]
      const bdf = now.get(fault.bdf) ?? fault.bdf
      if (this.#machine.get(bdf) === undefined) return []
      return [{ ...fault, bdf, message: fault.message.replaceAll(fault.bdf, bdf) }]
    })
  }

  /** Linux finds a device by its function 0. */
  #checkFunctionZero(zero: Bdf): void {
    const { domain, bus, device } = Bdf.parts(zero)
    if (this.#machine.get(zero) !== undefined) return
    const left = this.#machine
      .onBus(domain, bus, 'physical')
      .filter((bdf) => Bdf.parts(bdf).device === device)
      .sort(Bdf.compare)
    const [first] = left
    const isAri = device > 0 && this.#machine.isLink(first && this.#machine.get(first)?.parent)
    if (first === undefined || isAri) return
    const message = `without ${zero} Linux does not find ${left.join(', ')}`
    this.#diagnostics.push(warn('edit-not-enumerated', message, { bdf: first }))
  }
}

function functionZero(bdf: Bdf): Bdf {
  return Bdf.of({ ...Bdf.parts(bdf), function: 0 })
}

function faultKey(fault: Diagnostic): string {
  return `${fault.code} ${fault.bdf ?? ''} ${fault.message}`
}

function build(
  inputs: Iterable<FunctionInput>,
  slots: Iterable<SlotInput>,
  faults: readonly Diagnostic[],
): Topology {
  const builder = new TopologyBuilder()
  for (const input of inputs) builder.addFunction(input)
  for (const slot of slots) builder.addSlot(slot)
  for (const fault of faults) builder.addFault(fault)
  return builder.finish()
}
