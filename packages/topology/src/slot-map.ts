/** Places slots on buses: which driver a slot has, and which functions it holds. Internal to the builder. */
import type { Bdf } from './bdf.ts'
import type { BusDraft } from './bus-tree.ts'
import type { Diagnostic } from './diagnostic.ts'
import type { FunctionDraft } from './function-draft.ts'
import type { PciFunction } from './pci-function.ts'
import { isDownstreamPort } from './pcie.ts'
import { RESETTING_SLOT_DRIVERS, type Slot, type SlotInput } from './slot.ts'

export interface PlacedSlot {
  readonly input: SlotInput
  readonly name: string
  readonly driver: string | undefined
  readonly members: readonly FunctionDraft[]
}

type Report = (diagnostic: Diagnostic) => void

/** Gives every slot a name of its own, as the kernel does with `-1`, `-2`. */
function uniqueName(name: string, taken: ReadonlySet<string>): string {
  let unique = name
  for (let suffix = 1; taken.has(unique); suffix += 1) unique = `${name}-${suffix}`
  return unique
}

export function placeSlots(
  inputs: readonly SlotInput[],
  busOf: (domain: number, number: number) => BusDraft | undefined,
  report: Report,
): readonly PlacedSlot[] {
  const taken = new Set<string>()
  return inputs.map((input) => {
    const name = uniqueName(input.name, taken)
    taken.add(name)
    if (name !== input.name) {
      const message = `slot name '${input.name}' is used twice: the second is called '${name}'`
      report({ severity: 'warning', code: 'duplicate-slot', message })
    }
    const bus = busOf(input.domain, input.bus)
    const driver = input.driver ?? driverOf(bus)
    const wholeBus = input.device === undefined || driver === 'pciehp'
    const members = (bus?.functions ?? []).filter((draft) => wholeBus || draft.parts.device === input.device)
    return { input, name, driver, members }
  })
}

/** A snapshot does not always name the driver; below a hot-plug capable port it is pciehp. */
function driverOf(bus: BusDraft | undefined): string | undefined {
  const port = bus?.bridge?.pcie
  return port?.hotplugCapable && isDownstreamPort(port.type) ? 'pciehp' : undefined
}

/** The slot of each function; one that names its device wins over one that holds the whole bus. */
export function slotNames(placed: readonly PlacedSlot[]): ReadonlyMap<FunctionDraft, string> {
  const names = new Map<FunctionDraft, string>()
  const byReach = [...placed].sort(
    (a, b) => Number(a.input.device !== undefined) - Number(b.input.device !== undefined),
  )
  for (const slot of byReach) {
    for (const member of slot.members) names.set(member, slot.name)
  }
  return names
}

export function finishSlot(slot: PlacedSlot, functionOf: (bdf: Bdf) => PciFunction): Slot {
  const { input, driver } = slot
  return Object.freeze({
    name: slot.name,
    domain: input.domain,
    bus: input.bus,
    device: input.device,
    driver,
    resettable: driver !== undefined && RESETTING_SLOT_DRIVERS.has(driver),
    functions: Object.freeze(slot.members.map((member) => functionOf(member.input.bdf))),
  })
}
