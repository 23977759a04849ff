/** The cells of one device: what decides whether its memory may be touched. */
import { Cell, type CellBacking, DerivedCell } from '../cell.ts'

/** Power state of a function. PCI power management; D3cold is "gone", not a state of the protocol. */
export type PowerState = 'D0' | 'D1' | 'D2' | 'D3hot'
/** Every power state, from on to off. */
export const POWER_STATES: readonly PowerState[] = ['D0', 'D1', 'D2', 'D3hot']

/** How a kernel and a kind of function decide whether memory may be touched. */
export interface AccessRule {
  /** A virtual function has no memory-enable bit of its own. Kernel: `no_command_memory`. */
  readonly ignoresMemoryBit: boolean
  /** Linux before 5.19 does not look at the power state. */
  readonly ignoresPower: boolean
}

/** The state that every body of the protocol works on. */
export interface DeviceCells {
  /** The virtual memory-enable bit of the command register. */
  readonly memoryEnabled: Cell<boolean>
  readonly power: Cell<PowerState>
  /** True while a reset is under way. */
  readonly inReset: Cell<boolean>
  /** How many files have the device open. */
  readonly openCount: Cell<number>
  /** The user lets it sleep; absent where that cannot be. Kernel: `pm_runtime_engaged` (5.19). */
  readonly lowPower: Cell<boolean> | undefined
  /** May memory be touched? Kernel: `__vfio_pci_memory_enabled`. */
  readonly accessible: DerivedCell<boolean>
  /** May its pages be mapped? Whoever reads or writes wakes the device up first; a fault does not. */
  readonly mappable: DerivedCell<boolean>
}

/** Where cells are backed by registers; absent, they keep their values themselves. */
export interface DeviceCellBackings {
  readonly memoryEnabled?: CellBacking<boolean>
  readonly power?: CellBacking<PowerState>
  /** Present where the device has a low-power mode. */
  readonly lowPower?: CellBacking<boolean>
}

/** Opens at once that an explorer tells apart. Live counts further. */
const OPEN_COUNTS = [0, 1, 2, 3]

/** Makes the cells of one device. */
export function deviceCells(
  deviceId: string,
  rule: AccessRule,
  backings: DeviceCellBackings = {},
): DeviceCells {
  const memoryEnabled = new Cell(`memory:${deviceId}`, [true, false], backings.memoryEnabled)
  const power = new Cell(`power:${deviceId}`, POWER_STATES, backings.power)
  const inReset = new Cell(`in-reset:${deviceId}`, [false, true])
  const openCount = new Cell(`open-count:${deviceId}`, OPEN_COUNTS)
  const accessible = new DerivedCell(
    `accessible:${deviceId}`,
    [memoryEnabled, power],
    () => (rule.ignoresMemoryBit || memoryEnabled.peek()) && (rule.ignoresPower || power.peek() !== 'D3hot'),
  )
  const lowPower = backings.lowPower && new Cell(`low-power:${deviceId}`, [false, true], backings.lowPower)
  const mappable =
    lowPower === undefined
      ? accessible
      : new DerivedCell(
          `mappable:${deviceId}`,
          [memoryEnabled, power, lowPower],
          () => accessible.peek() && !lowPower.peek(),
        )
  return { memoryEnabled, power, inReset, openCount, lowPower, accessible, mappable }
}
