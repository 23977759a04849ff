/**
 * Makes and removes the virtual functions of a physical one that vfio-pci drives.
 *
 *   make     the physical function is woken; its registers say how many; each new one joins the topology
 *            and is given to vfio-pci, as its physical function was
 *   remove   each is taken from its driver, then from the topology; the physical function may sleep again
 *
 * Virtual functions that the source of the topology lists come back as they were; others are like them.
 * Kernel: `vfio_pci_core_sriov_configure`, `pci_enable_sriov`, `vfio_pci_bus_notifier`.
 */
import type { PciHardware } from '@vfiokit/hardware'
import type { Awaitable, VfioErrno } from '@vfiokit/locking'
import {
  applyEdits,
  type Bdf,
  EXTENDED_CAPABILITY_ID,
  findCapability,
  functionInputOf,
  predictGroups,
  type Topology,
} from '@vfiokit/topology'
import { VfioError } from '@vfiokit/vfio-core'
import { VFIO_PCI } from '../driver-bindings.ts'
import type { PciBus } from '../pci-bus.ts'

const CONTROL = 0x08
const NUM_VFS = 0x10
/** VF Enable and VF Memory Space Enable. */
const ENABLES = 0x9

/** Why there cannot be that many, by what the topology says. */
const ERRNOS: Readonly<Record<string, VfioErrno>> = {
  'edit-vfs-out-of-range': 'ENOMEM',
  'edit-too-many-vfs': 'ERANGE',
}

/** The virtual functions of one machine. */
export class VirtualFunctions {
  readonly #bus: PciBus
  /** The machine as its source has it. */
  readonly #found: Topology
  /** Of physical functions that do not have what the source lists. */
  readonly #counts = new Map<Bdf, number>()
  /** IOMMU groups of functions that the source does not list. */
  readonly #groups = new Map<Bdf, number>()

  constructor(bus: PciBus) {
    this.#bus = bus
    this.#found = bus.topology
  }

  /**
   * Gives a physical function under vfio-pci that many.
   *
   * @returns a promise only while somebody has one open that has to go: it goes with its last close, and
   *   nothing after it before that.
   * @throws VfioError ERANGE, ENOMEM or EIO when the hardware cannot have so many; nothing has changed then.
   */
  setCount(physical: Bdf, count: number): Awaitable<void> {
    const next = this.#topologyWith(physical, count)
    const gone = this.#bus.topology.virtualFunctions(physical).filter(({ bdf }) => !next.function(bdf))
    const waits = this.#takeAway(gone.map(({ bdf }) => bdf))
    if (waits === undefined) return this.#change(physical, count)
    return waits.then(() => this.#change(physical, count))
  }

  /** One after the other, as the kernel does. */
  #takeAway(functions: readonly Bdf[]): Awaitable<void> {
    for (const [at, bdf] of functions.entries()) {
      const waits = this.#bus.driver(bdf) === undefined ? undefined : this.#bus.unbind(bdf)
      if (waits !== undefined) return waits.then(() => this.#takeAway(functions.slice(at + 1)))
    }
  }

  /** What has to go has no driver any more. */
  #change(physical: Bdf, count: number): void {
    const bus = this.#bus
    const next = this.#topologyWith(physical, count)
    const before = new Set(bus.topology.virtualFunctions(physical).map(({ bdf }) => bdf))
    if (before.size === 0) bus.driverAt(physical)?.keepOn()
    this.#counts.set(physical, count)
    tellHardware(bus.machine.hardware(physical)!, count)
    bus.changeTopology(next)
    for (const bdf of before) if (next.function(bdf) === undefined) this.#groups.delete(bdf)
    for (const { bdf, iommuGroup } of next.virtualFunctions(physical)) {
      if (before.has(bdf)) continue
      bus.overrideDriver(bdf, VFIO_PCI)
      // Without an IOMMU group vfio-pci does not take it, and it stays without a driver.
      if (iommuGroup !== undefined) bus.bind(bdf)
    }
    if (count === 0) bus.driverAt(physical)?.afterReset()
  }

  #topologyWith(physical: Bdf, count: number): Topology {
    const counts = new Map(this.#counts).set(physical, count)
    const edits = [...counts].map(([pf, each]) => ({ kind: 'vfs', physical: pf, count: each }) as const)
    const { topology, diagnostics } = applyEdits(this.#found, edits)
    const [refusal] = diagnostics
    if (refusal !== undefined)
      throw new VfioError(ERRNOS[refusal.code] ?? 'EIO', 'bad-count', refusal.message)
    return this.#grouped(topology)
  }

  /** What is new joins the group of what it shares requests with, else it gets the lowest free number. */
  #grouped(topology: Topology): Topology {
    const made = topology.functions.filter(({ bdf }) => this.#found.function(bdf) === undefined)
    if (made.length === 0) return topology
    const numbers = new Map(topology.functions.map(({ bdf, iommuGroup }) => [bdf, iommuGroup]))
    for (const { bdf } of made) numbers.set(bdf, this.#groups.get(bdf))
    const prediction = predictGroups(topology, { acs: 'as-found' })
    for (const { bdf, physfn } of made) {
      // A machine without an IOMMU has no groups at all.
      if (numbers.get(bdf) !== undefined || numbers.get(physfn!) === undefined) continue
      const shared = prediction.verdict(bdf)?.members.map((member) => numbers.get(member))
      const number = shared?.find((each) => each !== undefined) ?? lowestFree(new Set(numbers.values()))
      numbers.set(bdf, number)
      this.#groups.set(bdf, number)
    }
    const edits = made.flatMap((fn) => [
      { kind: 'remove', target: fn.bdf } as const,
      {
        kind: 'add',
        function: { ...functionInputOf(topology, fn), iommuGroup: numbers.get(fn.bdf) },
      } as const,
    ])
    return applyEdits(topology, edits).topology
  }
}

function lowestFree(taken: ReadonlySet<number | undefined>): number {
  let number = 0
  while (taken.has(number)) number++
  return number
}

function tellHardware(hardware: PciHardware, count: number): void {
  const id = EXTENDED_CAPABILITY_ID.singleRootIoVirtualization
  const found = findCapability(hardware.identity, id, 'extended')
  if (found === undefined || found === 'unknown')
    throw new TypeError(`${hardware.bdf} has no SR-IOV capability`)
  const control = hardware.readConfig(found.offset + CONTROL, 2) & ~ENABLES
  hardware.writeConfig(found.offset + CONTROL, 2, control)
  hardware.writeConfig(found.offset + NUM_VFS, 2, count)
  if (count > 0) hardware.writeConfig(found.offset + CONTROL, 2, control | ENABLES)
}
