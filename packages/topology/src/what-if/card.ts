/** Card: what is plugged in together, and where it could be plugged in. Internal to what-if. */
import { Bdf } from '../bdf.ts'
import type { Diagnostic } from '../diagnostic.ts'
import type { PciePortType } from '../pcie.ts'
import type { SlotInput } from '../slot.ts'
import type { MachineDraft } from './machine-draft.ts'
import { noSuchFunction, noSuchSlot, refuse } from './refusal.ts'
import type { EditPlace } from './topology-edit.ts'

export interface Card {
  /** Its functions on the bus that it is plugged into; never virtual ones. Lowest first. */
  readonly tops: readonly Bdf[]
  /** These, their virtual functions, and everything below. */
  readonly all: ReadonlySet<Bdf>
  readonly domain: number
  readonly bus: number
}

const HOST_BRIDGE = 0x0600

/** What is not plugged in anywhere, and what it is a part of. */
const OWNERS: Partial<Record<PciePortType, string>> = {
  'root-port': 'the root complex',
  'rc-integrated-endpoint': 'the root complex',
  'rc-event-collector': 'the root complex',
  'downstream-port': 'a switch',
}

/** The card that a function is on: on a link everything there, else the functions of its device number. */
export function cardAt(machine: MachineDraft, place: EditPlace): Card | Diagnostic {
  if (typeof place !== 'string') return cardInSlot(machine, place.slot)
  const part = machine.get(place)
  if (part === undefined) return noSuchFunction(place)
  const { physfn } = part.input
  if (physfn !== undefined) {
    const message = `${place} is a virtual function: it goes where its physical function ${physfn} goes`
    return refuse('edit-not-a-card', message, { bdf: place })
  }
  const { domain, bus, device } = Bdf.parts(place)
  const onBus = machine.onBus(domain, bus, 'physical')
  const isLink = machine.isLink(part.parent)
  return cardOf(
    machine,
    onBus.filter((bdf) => isLink || Bdf.parts(bdf).device === device),
    place,
  )
}

function cardInSlot(machine: MachineDraft, name: string): Card | Diagnostic {
  const slot = machine.slot(name)
  if (slot === undefined) return noSuchSlot(name)
  const tops = machine.inSlot(slot)
  const [first] = tops
  return first === undefined
    ? refuse('edit-slot-empty', `slot '${name}' is empty`)
    : cardOf(machine, tops, first)
}

function cardOf(machine: MachineDraft, tops: readonly Bdf[], named: Bdf): Card | Diagnostic {
  const { domain, bus } = Bdf.parts(named)
  for (const bdf of tops) {
    const { decoded } = machine.get(bdf)!
    const type = decoded.pcie?.type
    const owner = (type && OWNERS[type]) ?? (decoded.classCode >>> 8 === HOST_BRIDGE && 'the root complex')
    if (owner) {
      const message = `${bdf} is part of ${owner} (${type ?? 'host bridge'}): it cannot be moved`
      return refuse('edit-not-a-card', message, { bdf })
    }
  }
  const sorted = [...tops].sort(Bdf.compare)
  return { tops: sorted, all: machine.withBelow(sorted), domain, bus }
}

export interface Target {
  /** undefined: a root bus. */
  readonly bridge: Bdf | undefined
  readonly domain: number
  readonly bus: number
  /** The highest bus number that the bridge passes down. */
  readonly lastBus: number
  /** The device number that a card there must have; undefined: any that is free. */
  readonly device: number | undefined
  /** Nothing else may be on the bus. */
  readonly wholeBus: boolean
}

export function targetAt(machine: MachineDraft, place: EditPlace): Target | Diagnostic {
  if (typeof place === 'string') return belowBridge(machine, place)
  const slot = machine.slot(place.slot)
  if (slot === undefined) return noSuchSlot(place.slot)
  const bridge = machine.bridgeOf(slot.domain, slot.bus)
  return bridge === undefined ? onRootBus(machine, slot) : inSlotBelow(machine, slot, bridge)
}

function belowBridge(machine: MachineDraft, bdf: Bdf): Target | Diagnostic {
  const part = machine.get(bdf)
  if (part === undefined) return noSuchFunction(bdf)
  const { domain } = Bdf.parts(bdf)
  const { secondary, subordinate } = part.input.busNumbers ?? { secondary: 0, subordinate: 0 }
  if (part.decoded.headerType === 0 || machine.bridgeOf(domain, secondary) !== bdf) {
    const what = part.decoded.headerType === 0 ? 'is not a bridge' : 'is a bridge without a bus of its own'
    return refuse('edit-not-a-bridge', `${bdf} ${what}: nothing can be plugged in below`, { bdf })
  }
  if (part.decoded.pcie?.type === 'upstream-port') {
    const message = `${bdf} leads to the ports of a switch: cards are plugged in below those`
    return refuse('edit-not-a-slot', message, { bdf })
  }
  const isLink = machine.isLink(bdf)
  const lastBus = Math.max(secondary, subordinate)
  return { bridge: bdf, domain, bus: secondary, lastBus, device: isLink ? 0 : undefined, wholeBus: isLink }
}

function inSlotBelow(machine: MachineDraft, slot: SlotInput, bridge: Bdf): Target | Diagnostic {
  const target = belowBridge(machine, bridge)
  if ('severity' in target || target.wholeBus) return target
  return { ...target, device: slot.device, wholeBus: machine.slotHoldsBus(slot) }
}

/** The numbers after a root bus are the host bridge's to give; a card that needs more than one is refused. */
function onRootBus(machine: MachineDraft, slot: SlotInput): Target | Diagnostic {
  const { name, domain, bus, device } = slot
  const [neighbour] = machine.onBus(domain, bus)
  if (neighbour === undefined || machine.get(neighbour)?.parent !== undefined) {
    return refuse('edit-not-a-bridge', `nothing leads to the bus of slot '${name}'`)
  }
  return { bridge: undefined, domain, bus, lastBus: bus, device, wholeBus: false }
}
