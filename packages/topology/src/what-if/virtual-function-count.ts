/** What if a physical function had another number of virtual functions. Internal to what-if. */
import { Bdf } from '../bdf.ts'
import { SR_IOV } from '../capabilities/sr-iov.ts'
import { EXTENDED_CAPABILITY_ID, findCapability } from '../capability.ts'
import { ConfigComposer } from '../config-composer.ts'
import { type ConfigPatch, patchConfig } from '../config-patch.ts'
import type { ConfigSpace } from '../config-space.ts'
import type { Diagnostic } from '../diagnostic.ts'
import type { FunctionInput } from '../pci-function.ts'
import { type SriovInfo, sriovInfo, virtualFunctionAddresses } from '../virtual-functions.ts'
import type { MachineDraft, Part } from './machine-draft.ts'
import { type EditOutcome, isDiagnostic, noSuchFunction, refuse } from './refusal.ts'
import type { TopologyEdit } from './topology-edit.ts'

const CONTROL = 0x08
const NUM_VFS = 0x10
/** VF Enable and VF Memory Space Enable: Linux sets and clears both. */
const ENABLES = 0x0009

export function setVirtualFunctionCount(
  machine: MachineDraft,
  edit: Extract<TopologyEdit, { kind: 'vfs' }>,
): EditOutcome {
  const { physical, count } = edit
  const part = machine.get(physical)
  if (part === undefined) return noSuchFunction(physical)
  const sriov = usableSriov(part, count)
  if (isDiagnostic(sriov)) return sriov
  const addresses = addressesFor(machine, part, sriov, count)
  if (isDiagnostic(addresses)) return addresses
  const wanted = new Set(addresses)
  const before = machine.virtualFunctions(physical)
  const template = templateOf(machine, part, before[0])
  const gone = before.filter((bdf) => !wanted.has(bdf))
  for (const bdf of machine.withBelow(gone)) machine.delete(bdf)
  machine.replace(physical, { config: withCount(part, count) })
  for (const bdf of addresses) if (machine.get(bdf) === undefined) machine.addVirtual({ ...template, bdf })
  const { domain, bus } = Bdf.parts(physical)
  if (gone.length > 0 || addresses.length > before.length)
    machine.forget(machine.onBus(domain, bus), 'resetMethods')
  return undefined
}

/** Linux's tests before it enables them (sriov_enable). */
function usableSriov(part: Part, count: number): SriovInfo | Diagnostic {
  const { bdf, physfn } = part.input
  const capability = findCapability(
    part.decoded,
    EXTENDED_CAPABILITY_ID.singleRootIoVirtualization,
    'extended',
  )
  if (capability === undefined || physfn !== undefined) {
    return refuse('edit-no-sriov', `${bdf} has no SR-IOV capability`, { bdf })
  }
  const sriov = sriovInfo(part.decoded)
  if (sriov === undefined) {
    const message = `${bdf}: the registers of its SR-IOV capability are not among the known bytes`
    return refuse('edit-config-unknown', message, { bdf })
  }
  const { totalVfs, initialVfs, migrationCapable } = sriov as SriovInfo & {
    readonly migrationCapable: boolean
  }
  if (!Number.isInteger(count) || count < 0 || count > totalVfs) {
    const message = `${bdf} cannot have ${count} virtual functions`
    return refuse('edit-too-many-vfs', message, { bdf, expected: `0 to ${totalVfs}`, found: `${count}` })
  }
  if (count > 0 && (initialVfs > totalVfs || (initialVfs !== totalVfs && !migrationCapable))) {
    const message = `${bdf}: InitialVFs is ${initialVfs} and TotalVFs is ${totalVfs}: Linux enables none`
    return refuse('edit-vfs-inconsistent', message, { bdf })
  }
  return sriov
}

const REASONS = {
  'offset-zero': 'First VF Offset is 0',
  'stride-zero': 'VF Stride is 0',
  'bus-out-of-range': 'the last of them would be on a bus that the bridge above does not pass down',
} as const

function addressesFor(
  machine: MachineDraft,
  part: Part,
  sriov: SriovInfo,
  count: number,
): readonly Bdf[] | Diagnostic {
  const { bdf } = part.input
  const above = part.parent === undefined ? undefined : machine.get(part.parent)
  const numbers = above?.input.busNumbers
  const lastBus = numbers === undefined ? 255 : Math.max(numbers.secondary, numbers.subordinate)
  const found = virtualFunctionAddresses(bdf, sriov, count, lastBus)
  if (!found.ok) {
    const message = `${bdf} cannot have ${count} virtual functions: ${REASONS[found.reason]}`
    const expected = found.reason === 'bus-out-of-range' ? { expected: `a bus up to ${hexBus(lastBus)}` } : {}
    return refuse('edit-vfs-out-of-range', message, { bdf, ...expected })
  }
  const claimed = claimedBuses(machine, part)
  for (const address of found.addresses) {
    const { bus } = Bdf.parts(address)
    const holder = machine.get(address)
    const owner = bus === Bdf.parts(bdf).bus ? undefined : claimed.get(bus)
    if (owner !== undefined || (holder !== undefined && holder.input.physfn !== bdf)) {
      const taken = owner === undefined ? 'taken' : `on a bus of ${owner}`
      const message = `${bdf} cannot have ${count} virtual functions: ${address} is ${taken}`
      return refuse('edit-address-taken', message, { bdf })
    }
  }
  return found.addresses
}

/** Buses that bridges beside the function claim, with the bridge. */
function claimedBuses(machine: MachineDraft, part: Part): ReadonlyMap<number, Bdf> {
  const { domain, bus } = Bdf.parts(part.input.bdf)
  const beside = part.parent === undefined ? machine.onBus(domain, bus) : machine.children(part.parent)
  const claimed = new Map<number, Bdf>()
  for (const bdf of beside) {
    const numbers = machine.get(bdf)?.input.busNumbers
    if (numbers === undefined || numbers.secondary === 0) continue
    for (let number = numbers.secondary; number <= numbers.subordinate; number += 1) claimed.set(number, bdf)
  }
  return claimed
}

/** A virtual function but for its address; like one that is there, else as Linux would find it. */
function templateOf(
  machine: MachineDraft,
  part: Part,
  sibling: Bdf | undefined,
): Omit<FunctionInput, 'bdf'> & { readonly physfn: Bdf } {
  const like = sibling === undefined ? part : machine.get(sibling)!
  const { classCode, revision, subsystem } = like.decoded
  const identity = { classCode, revision, subsystem }
  return {
    ...identity,
    multifunction: false,
    config: sibling === undefined ? composed(identity) : patchConfig(like.decoded.config, [NO_IDS]),
    configSizeBytes: sibling === undefined ? 4096 : like.input.configSizeBytes,
    parent: part.parent ?? null,
    physfn: part.input.bdf,
    vendorId: part.decoded.vendorId,
    deviceId: sriovInfo(part.decoded)!.vfDeviceId,
  }
}

/** Identity registers of a virtual function. */
const NO_IDS: ConfigPatch = { offset: 0, widthBytes: 4, value: 0xffffffff }

/** What every virtual function has: ids that read ffff, and a PCI Express capability with FLR. */
function composed(identity: Pick<Part['decoded'], 'classCode' | 'revision' | 'subsystem'>): ConfigSpace {
  return new ConfigComposer(4096, { vendorId: 0xffff, deviceId: 0xffff, ...identity })
    .capability({ id: 0x10, fields: { version: 2, type: 'endpoint', functionLevelReset: true } })
    .compose()
}

function withCount(part: Part, count: number): ConfigSpace {
  const { config, capabilities } = part.decoded
  const { offset } = capabilities.find(({ id, extended }) => extended && id === SR_IOV.id)!
  const before = config.read16(offset + CONTROL)
  const value = count === 0 ? before & ~ENABLES : before | ENABLES
  const patches: readonly ConfigPatch[] = [
    { offset: offset + CONTROL, widthBytes: 2, value },
    { offset: offset + NUM_VFS, widthBytes: 2, value: count },
  ]
  return patchConfig(config, patches)
}

function hexBus(bus: number): string {
  return bus.toString(16).padStart(2, '0')
}
