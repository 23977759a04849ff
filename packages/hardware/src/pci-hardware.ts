/**
 * The port below vfio-pci: one PCI function as the host's bus sees it, and the machine that holds all of them.
 *
 *     readConfig, writeConfig   registers, with what a write really does (masks, power, resets)
 *     resources                 where the host put the BARs, once and for all
 *     readBar, writeBar         one bus access; all ones when nothing answers there
 *     resetMethods, reset       what the function can be reset with, and doing it
 *
 * Nothing here locks, saves or restores: that is the caller's work, as in Linux.
 */
import type { BarIndex, Bdf, PciFunction, ResetMethod, Topology } from '@vfiokit/topology'

/** Bytes of one bus access. */
export type AccessWidth = 1 | 2 | 4 | 8
export type ConfigWidth = 1 | 2 | 4

/** D3cold is not a state of the function but its absence: configuration reads give all ones. */
export type PowerState = 'D0' | 'D1' | 'D2' | 'D3hot'

/** A BAR or the expansion ROM, as the host assigned it at enumeration. */
export interface BarResource {
  readonly bar: BarIndex | 'rom'
  readonly kind: 'io' | 'memory'
  /** Width of the register (pair), in bits. */
  readonly width: 32 | 64
  readonly prefetchable: boolean
  readonly start: bigint
  /** A power of two. */
  readonly sizeBytes: number
}

/** One PCI function. */
export interface PciHardware {
  readonly bdf: Bdf
  /** What the topology knows of it. Its configuration bytes are those found; the live ones come from readConfig. */
  readonly identity: PciFunction
  readonly configSizeBytes: 256 | 4096
  /**
   * @param offset bytes, a multiple of `widthBytes`, inside `configSizeBytes`
   * @returns the unsigned little-endian value; all ones when the function does not answer
   * @throws RangeError for an access that the bus cannot carry (bad width, unaligned, outside)
   */
  readConfig(offset: number, widthBytes: ConfigWidth): number
  /**
   * As {@link PciHardware.readConfig}; bits that are not writable stay.
   * @throws RangeError also for a value that is too wide
   */
  writeConfig(offset: number, widthBytes: ConfigWidth, value: number): void
  /** The BARs that exist, ROM last. Fixed for the life of the function, whatever is written to BAR registers. */
  readonly resources: readonly BarResource[]
  /**
   * One access of `out.length` bytes (1, 2, 4 or 8). A BAR answers in D0, with its decode bit set in COMMAND and
   * its register still at the assigned address; the ROM also needs bit 0 of its own register. Else all ones.
   * @throws RangeError when there is no such BAR, or the access is outside it or of another length
   */
  readBar(bar: BarIndex | 'rom', offset: number, out: Uint8Array): void
  /** One access of `data.length` bytes; lost when the BAR does not answer. @throws as {@link PciHardware.readBar}. */
  writeBar(bar: BarIndex, offset: number, data: Uint8Array): void
  /** In the order in which they are tried. */
  readonly resetMethods: readonly ResetMethod[]
  /**
   * Orders the reset methods as writing sysfs `reset_method` does: names separated by blanks, `default` to probe
   * again, nothing to disable all.
   * @throws RangeError (EINVAL in sysfs) for an unknown or unsupported name; the list is then unchanged
   */
  setResetMethods(text: string): void
  /** Clears what the method clears. `ENOTTY`: it does not work here (`pci_dev_reset_methods` then tries the next). */
  reset(method: ResetMethod): 'ok' | 'ENOTTY'
  readonly powerState: PowerState
}

/** All functions of a topology. */
export interface PciMachine {
  readonly topology: Topology
  /** Undefined when the topology has no such function. */
  hardware(bdf: Bdf): PciHardware | undefined
  /** Every function below the bridge loses what a bus reset clears. @throws RangeError when there is no such bridge. */
  secondaryBusReset(bridge: Bdf): void
}
