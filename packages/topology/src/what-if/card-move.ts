/** What if a card was plugged in elsewhere. Internal to what-if. */
import type { Bdf } from '../bdf.ts'
import type { BusNumbers } from '../bridge.ts'
import { type ConfigPatch, patchConfig } from '../config-patch.ts'
import { BUS_NUMBERS } from '../header-registers.ts'
import { type AddressPlan, planAddresses } from './address-plan.ts'
import { type Card, cardAt, type Target, targetAt } from './card.ts'
import type { MachineDraft, Part } from './machine-draft.ts'
import { type EditOutcome, isDiagnostic, refuse, warn } from './refusal.ts'
import type { TopologyEdit } from './topology-edit.ts'

/** @param moved is told the old and the new address of each function. */
export function moveCard(
  machine: MachineDraft,
  edit: Extract<TopologyEdit, { kind: 'move' }>,
  moved: (from: Bdf, to: Bdf) => void,
): EditOutcome {
  const card = cardAt(machine, edit.card)
  if (isDiagnostic(card)) return card
  const target = targetAt(machine, edit.to)
  if (isDiagnostic(target)) return target
  const [first] = card.tops
  if (target.bridge !== undefined && card.all.has(target.bridge)) {
    const message = `${target.bridge} is part of the card itself`
    return refuse('edit-not-a-bridge', message, { bdf: target.bridge })
  }
  const plan = planAddresses(machine, card, target)
  if (isDiagnostic(plan)) return plan
  if (plan.addresses.get(first!) === first) {
    return warn('edit-changes-nothing', `${first} is there already`, { bdf: first! })
  }
  machine.forget(machine.onBus(card.domain, card.bus), 'resetMethods')
  machine.forget(machine.onBus(target.domain, target.bus), 'resetMethods')
  moveSlots(machine, card, target, plan)
  moveFunctions(machine, card, target, plan)
  for (const [from, to] of plan.addresses) moved(from, to)
  return kindWarning(machine, plan.addresses.get(first!)!, target)
}

/** Slots on buses of the card's own bridges go with it. */
function moveSlots(machine: MachineDraft, card: Card, target: Target, plan: AddressPlan): void {
  for (const slot of [...machine.slots]) {
    const bus = plan.buses.get(slot.bus)
    const bridge = machine.bridgeOf(slot.domain, slot.bus)
    if (bus === undefined || bridge === undefined || !card.all.has(bridge)) continue
    machine.putSlot({ ...slot, domain: target.domain, bus })
  }
}

function moveFunctions(machine: MachineDraft, card: Card, target: Target, plan: AddressPlan): void {
  const before = new Map([...card.all].map((bdf) => [bdf, machine.get(bdf)!]))
  const tops = new Set(card.tops)
  const renamed = (bdf: Bdf | undefined): Bdf | undefined => bdf && (plan.addresses.get(bdf) ?? bdf)
  const parentOf = (part: Part): Bdf | undefined => {
    const { bdf, physfn } = part.input
    const isTop = tops.has(bdf) || (physfn !== undefined && tops.has(physfn))
    return isTop ? target.bridge : renamed(part.parent)
  }
  for (const bdf of before.keys()) machine.delete(bdf)
  for (const [bdf, part] of before) {
    const busNumbers = plan.numbers.get(bdf) ?? part.input.busNumbers
    const parent = parentOf(part)
    const config = withBusNumbers(part, plan.numbers.get(bdf))
    machine.put({
      ...part,
      decoded: { ...part.decoded, config },
      parent,
      input: {
        ...part.input,
        bdf: plan.addresses.get(bdf)!,
        config,
        busNumbers,
        parent: parent ?? null,
        physfn: renamed(part.input.physfn),
        iommuGroup: undefined,
        resetMethods: undefined,
      },
    })
  }
}

function withBusNumbers(part: Part, numbers: BusNumbers | undefined): Part['decoded']['config'] {
  const { config } = part.decoded
  if (numbers === undefined || !config.has(BUS_NUMBERS, 3)) return config
  const { primary, secondary, subordinate } = numbers
  const patches = [primary, secondary, subordinate].map((value, index): ConfigPatch => {
    return { offset: BUS_NUMBERS + index, widthBytes: 1, value }
  })
  return patchConfig(config, patches)
}

/** A slot takes one kind of card; which kind a bus is, its bridge says. */
function kindWarning(machine: MachineDraft, bdf: Bdf, target: Target): EditOutcome {
  if (target.bridge === undefined) return undefined
  const type = machine.get(target.bridge)?.decoded.pcie?.type
  const { decoded } = machine.get(bdf)!
  if (type === undefined || decoded.capabilitiesKnown === 'nothing') return undefined
  const isExpressCard = decoded.pcie !== undefined
  const isExpressBus = type !== 'pcie-to-pci-bridge'
  if (isExpressCard === isExpressBus) return undefined
  const [card, bus] = isExpressCard
    ? ['PCI Express', 'conventional PCI']
    : ['conventional PCI', 'PCI Express']
  return warn('edit-kinds-differ', `${bdf} is a ${card} card on a ${bus} bus`, { bdf })
}
