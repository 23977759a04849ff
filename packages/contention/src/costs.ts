/** What a step costs in simulated time. None of these is measured here: each says where it is from. */

/** A row of the cost model. */
export interface CostRow {
  /** Nanoseconds, unless somebody says otherwise. */
  readonly ns: number
  readonly what: string
  /** A kernel function with the delay that stands in it, or `assumed`. */
  readonly source: string
}

/** Name of a cost. */
export type CostName =
  | 'access'
  | 'fault'
  | 'insert'
  | 'zap'
  | 'zap-mapping'
  | 'zap-page'
  | 'lock'
  | 'hand-over'
  | 'map'
  | 'command-write'
  | 'power-write'
  | 'function-reset'
  | 'bus-reset'
  | 'enable'
  | 'disable'
  | 'retry'

/** Every cost, by name. */
export const COSTS: Readonly<Record<CostName, CostRow>> = {
  access: { ns: 500, what: 'a read of device memory, by a CPU or the kernel', source: 'assumed' },
  fault: { ns: 500, what: 'a page fault, besides what its handler does', source: 'assumed' },
  insert: { ns: 100, what: 'one page put into a mapping', source: 'assumed' },
  zap: { ns: 2_000, what: 'one unmap of a range or mapping, with its TLB flush', source: 'assumed' },
  'zap-mapping': { ns: 200, what: 'each mapping that an unmap walks, empty or not', source: 'assumed' },
  'zap-page': { ns: 25, what: 'each page that an unmap takes away', source: 'assumed' },
  lock: { ns: 20, what: 'a lock taken, tried or released without waiting', source: 'assumed' },
  'hand-over': { ns: 5_000, what: 'from a release until the next holder runs', source: 'assumed' },
  map: { ns: 1_000, what: 'linking or unlinking a mapping', source: 'assumed' },
  'command-write': { ns: 1_000, what: 'a write of the command register', source: 'assumed' },
  'power-write': {
    ns: 10_000_000,
    what: 'a change of the power state',
    source: 'pci_dev_d3_sleep: 10 ms (PCI_PM_D3HOT_WAIT)',
  },
  'function-reset': { ns: 100_000_000, what: 'a reset of one function', source: 'pcie_flr: 100 ms' },
  'bus-reset': {
    ns: 102_000_000,
    what: 'a reset of the slot or bus',
    source: 'pci_reset_secondary_bus: 2 ms, pci_bridge_wait_for_secondary_bus: 100 ms',
  },
  enable: {
    ns: 100_000_000,
    what: 'the first open of a device',
    source: 'vfio_pci_core_enable resets the function: pcie_flr, 100 ms',
  },
  disable: {
    ns: 100_000_000,
    what: 'the last close of a device',
    source: 'vfio_pci_core_disable resets the function: pcie_flr, 100 ms',
  },
  retry: { ns: 1_000_000, what: 'the pause before a hot reset is tried again', source: 'assumed' },
}

/** Nanoseconds, by name. */
export type Costs = Readonly<Record<CostName, number>>

/** Whether there is a cost of that name. */
export function isCostName(name: string): name is CostName {
  return Object.hasOwn(COSTS, name)
}

/**
 * The default costs with some of them changed.
 *
 * @throws RangeError for one that is negative or no number.
 */
export function costsWith(changed: Partial<Costs> = {}): Costs {
  const costs = Object.fromEntries(Object.entries(COSTS).map(([name, { ns }]) => [name, ns]))
  for (const [name, ns] of Object.entries(changed)) {
    if (!Number.isFinite(ns) || ns < 0) throw new RangeError(`${name} cannot cost ${ns} ns`)
    costs[name] = ns
  }
  return costs as Costs
}
