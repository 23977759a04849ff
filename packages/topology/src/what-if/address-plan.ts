/** Where each function of a card gets its address when the card is moved. Internal to what-if. */
import { Bdf } from '../bdf.ts'
import type { BusNumbers } from '../bridge.ts'
import type { Diagnostic } from '../diagnostic.ts'
import type { Card, Target } from './card.ts'
import type { MachineDraft } from './machine-draft.ts'
import { refuse } from './refusal.ts'

export interface AddressPlan {
  /** From each function of the card to its new address. */
  readonly addresses: ReadonlyMap<Bdf, Bdf>
  /** From each old bus number below the card's own bus, and that bus, to the new one. */
  readonly buses: ReadonlyMap<number, number>
  /** New numbers of the card's bridges, by their old address. */
  readonly numbers: ReadonlyMap<Bdf, BusNumbers>
}

export function planAddresses(machine: MachineDraft, card: Card, target: Target): AddressPlan | Diagnostic {
  const shift = deviceShift(machine, card, target)
  if (typeof shift !== 'number') return shift
  const used = usedBuses(machine, card, target)
  const plan =
    shiftedPlan(machine, card, target, shift, used) ?? compactPlan(machine, card, target, shift, used)
  if (plan === undefined) return outOfBuses(machine, card, target, used)
  const taken = [...plan.addresses.values()].find(
    (bdf) => machine.get(bdf) !== undefined && !card.all.has(bdf),
  )
  if (taken === undefined) return plan
  return refuse('edit-address-taken', `the card would need ${taken}, which is taken`, { bdf: taken })
}

/** By how much device numbers change: on a link to 0, else as little as possible. */
function deviceShift(machine: MachineDraft, card: Card, target: Target): number | Diagnostic {
  const others = machine.onBus(target.domain, target.bus).filter((bdf) => !card.all.has(bdf))
  const [occupant] = others
  if (target.wholeBus && occupant !== undefined) {
    const message = `the place below ${target.bridge} is taken by ${occupant}`
    return refuse('edit-target-occupied', message, { bdf: occupant })
  }
  const devices = [...new Set(card.tops.map((bdf) => Bdf.parts(bdf).device))]
  const lowest = Math.min(...devices)
  const taken = new Set(others.map((bdf) => Bdf.parts(bdf).device))
  const fits = (first: number): boolean =>
    devices.every((device) => device - lowest + first <= 31 && !taken.has(device - lowest + first))
  const wanted = target.device ?? (target.wholeBus ? 0 : undefined)
  const choices =
    wanted === undefined ? [lowest, ...Array.from({ length: 32 }, (_, device) => device)] : [wanted]
  const first = choices.find(fits)
  if (first !== undefined) return first - lowest
  const place = wanted === undefined ? 'every device number' : `device ${wanted}`
  const message = `${place} of bus ${hexBus(target.bus)} is taken`
  return refuse('edit-target-occupied', message, occupant === undefined ? {} : { bdf: occupant })
}

/** Bus numbers in the target's window that stay in use. */
function usedBuses(machine: MachineDraft, card: Card, target: Target): ReadonlySet<number> {
  const used = new Set<number>()
  const children = target.bridge === undefined ? [] : machine.children(target.bridge)
  for (const bdf of children) {
    if (card.all.has(bdf)) continue
    used.add(Bdf.parts(bdf).bus)
    const { secondary, subordinate } = machine.get(bdf)!.input.busNumbers ?? { secondary: 1, subordinate: 0 }
    for (let bus = secondary; bus <= Math.max(secondary, subordinate) && subordinate > 0; bus += 1)
      used.add(bus)
  }
  used.delete(target.bus)
  return used
}

/** Every bus as far from the first as it was: keeps spare numbers, and moving back gives the old ones. */
function shiftedPlan(
  machine: MachineDraft,
  card: Card,
  target: Target,
  shift: number,
  used: ReadonlySet<number>,
): AddressPlan | undefined {
  const distance = target.bus - card.bus
  const buses = new Map<number, number>([[card.bus, target.bus]])
  const numbers = new Map<Bdf, BusNumbers>()
  for (const bdf of card.all) {
    const own = Bdf.parts(bdf)
    if (own.domain !== card.domain) return undefined
    buses.set(own.bus, own.bus + distance)
    const range = machine.get(bdf)!.input.busNumbers
    if (range === undefined || range.secondary === 0) continue
    for (let bus = range.secondary; bus <= Math.max(range.secondary, range.subordinate); bus += 1)
      buses.set(bus, bus + distance)
    const move = (bus: number): number => bus + distance
    numbers.set(bdf, {
      primary: range.primary === own.bus ? move(own.bus) : range.primary,
      secondary: move(range.secondary),
      subordinate: range.subordinate < range.secondary ? range.subordinate : move(range.subordinate),
    })
  }
  return finishPlan(machine, card, target, shift, used, buses, numbers)
}

/** As the kernel numbers buses anew: depth first, each the next one, buses of virtual functions first. */
function compactPlan(
  machine: MachineDraft,
  card: Card,
  target: Target,
  shift: number,
  used: ReadonlySet<number>,
): AddressPlan | undefined {
  const buses = new Map<number, number>()
  const numbers = new Map<Bdf, BusNumbers>()
  const visited = new Set<Bdf>()
  let last = Math.max(target.bus, ...used)
  const number = (tops: readonly Bdf[], bus: number, to: number, addedDevices: number): boolean => {
    if (buses.has(bus)) return false
    buses.set(bus, to)
    const all = tops.flatMap((bdf) => [bdf, ...machine.virtualFunctions(bdf)])
    for (const bdf of all) {
      visited.add(bdf)
      const own = Bdf.parts(bdf)
      if (own.domain !== card.domain) return false
      const reached = (Bdf.routingId(bdf) + 8 * addedDevices) >> 8
      last = Math.max(last, to + reached - bus)
      buses.set(own.bus, to + own.bus - bus)
    }
    return tops.every((bdf) => {
      const range = machine.get(bdf)!.input.busNumbers
      if (range === undefined || range.secondary === 0) return true
      if (machine.bridgeOf(card.domain, range.secondary) !== bdf) return false
      last += 1
      const secondary = last
      const below = [...machine.children(bdf)].filter(
        (child) => machine.get(child)!.input.physfn === undefined,
      )
      if (below.some((child) => Bdf.parts(child).bus !== range.secondary)) return false
      if (!number(below.sort(Bdf.compare), range.secondary, secondary, 0)) return false
      const primary = range.primary === bus ? to : range.primary
      numbers.set(bdf, { primary, secondary, subordinate: last })
      return true
    })
  }
  if (!number(card.tops, card.bus, target.bus, shift) || visited.size !== card.all.size) return undefined
  return finishPlan(machine, card, target, shift, used, buses, numbers)
}

/** undefined when a bus is outside the window or in use. */
function finishPlan(
  machine: MachineDraft,
  card: Card,
  target: Target,
  shift: number,
  used: ReadonlySet<number>,
  buses: ReadonlyMap<number, number>,
  numbers: ReadonlyMap<Bdf, BusNumbers>,
): AddressPlan | undefined {
  const fits = (bus: number): boolean =>
    bus === target.bus || (bus > target.bus && bus <= target.lastBus && !used.has(bus))
  if (![...buses.values()].every(fits)) return undefined
  const addresses = new Map<Bdf, Bdf>()
  const tops = new Set(card.tops)
  for (const bdf of card.all) {
    const { physfn } = machine.get(bdf)!.input
    const own = Bdf.parts(bdf)
    const isShifted = tops.has(bdf) || (physfn !== undefined && tops.has(physfn))
    const bus = buses.get(own.bus)!
    const routingId = (bus << 8) + (Bdf.routingId(bdf) & 0xff) + (isShifted ? 8 * shift : 0)
    if (routingId > 0xffff || routingId < 0 || !fits(routingId >> 8)) return undefined
    addresses.set(bdf, Bdf.fromRoutingId(target.domain, routingId))
  }
  return { addresses, buses, numbers }
}

function outOfBuses(
  machine: MachineDraft,
  card: Card,
  target: Target,
  used: ReadonlySet<number>,
): Diagnostic {
  const needed = new Set([card.bus])
  for (const bdf of card.all) {
    needed.add(Bdf.parts(bdf).bus)
    const secondary = machine.get(bdf)!.input.busNumbers?.secondary ?? 0
    if (secondary !== 0) needed.add(secondary)
  }
  const window = `${hexBus(target.bus)}-${hexBus(target.lastBus)}`
  const free = target.lastBus - target.bus + 1 - used.size
  const message = `the card needs ${needed.size} bus numbers, and of ${window} only ${free} are free for it`
  const details = { expected: `${needed.size} bus numbers`, found: `${free}` }
  return refuse('edit-out-of-buses', message, target.bridge ? { bdf: target.bridge, ...details } : details)
}

function hexBus(bus: number): string {
  return bus.toString(16).padStart(2, '0')
}
