/**
 * The port below vfio-pci: one PCI function as the host's bus sees it, and the machine that holds all of them.
 *
 *     readConfig, writeConfig   registers, with what a write really does (masks, power, resets)
 *     resources                 where the host put the BARs, once and for all
 *     readBar, writeBar         one bus access; all ones when nothing answers there
 *     readVga, writeVga         the same for the legacy VGA addresses
 *     interrupts                the level of its pin; messages go to the machine's interrupt controller
 *     resetMethods, reset       what the function can be reset with, and doing it
 *
 * The machine adds what its functions share: interrupt messages, memory for DMA, and time.
 *
 * Nothing here locks, saves or restores: that is the caller's work, as in Linux.
 */
import type { BarIndex, Bdf, PciFunction, ResetMethod, Topology } from '@vfiokit/topology'
import type { PhysicalMemory } from './physical-memory.ts'

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

/** The interrupt pin of a function. */
export interface FunctionInterrupts {
  /** The device asks for an interrupt (Status bit 3), and COMMAND does not disable its pin. */
  readonly intxAsserted: boolean
  /**
   * @param listener called at each change, from inside the access that caused it: it may touch registers, but must
   * not wait
   * @returns ends it
   */
  onIntx(listener: (asserted: boolean) => void): () => void
}

/** A write that means an interrupt: to be put into MSI registers or an MSI-X table entry. */
export interface InterruptMessage {
  readonly address: bigint
  /** 16 bits. */
  readonly data: number
}

/** Where interrupt messages go. */
export interface InterruptController {
  /**
   * A block of messages for one device: `count` is rounded up to a power of two, `data` of the first is a multiple
   * of that, as MSI needs it (a device puts the number of its vector into the low bits).
   * @param handler called with 0 to count-1 from inside the device's write; must not wait
   * @param count 1 to 32, 1 when absent
   * @throws RangeError for another count, or when all messages are taken
   */
  allocate(handler: (vector: number) => void, count?: number): InterruptMessage
  /** The block that starts with this message. @throws RangeError when there is none. */
  free(message: InterruptMessage): void
  /** Whether a write to this address is an interrupt and not memory. */
  isMessageAddress(address: bigint): boolean
  /** A device's message arrives. @returns false when nobody has allocated it; it is then lost. */
  deliver(address: bigint, data: number): boolean
}

/** Memory as devices reach it, through the IOMMU. */
export interface DmaTarget {
  /** Fills `out`, or gives false (an IOMMU fault) when any byte is not mapped for reading; `out` is then not valid. */
  read(requester: Bdf, iova: bigint, out: Uint8Array): boolean
  /** False (an IOMMU fault) when any byte is not mapped for writing. */
  write(requester: Bdf, iova: bigint, data: Uint8Array): boolean
}

/** Simulated time. */
export interface MachineClock {
  /** Since the machine was made. */
  readonly nowMs: number
  /** Does `action` when `ms` have passed. @returns takes it back. @throws RangeError for a negative duration. */
  after(ms: number, action: () => void): () => void
  /** Lets time pass, with everything that is due in it, in order. @throws RangeError for a negative duration. */
  advance(ms: number): void
}

/** How a reset ends. `ENOTTY`: the method does not work here; the others: it does, and failed. */
export type ResetOutcome = 'ok' | 'ENOTTY' | 'EIO' | 'ETIME'

/** What only a vendor knows of a function: undefined where there is nothing. Kernel: `pci_dev_specific_reset`. */
export type SpecificResets = (fn: PciFunction) => ((hardware: PciHardware) => ResetOutcome) | undefined

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
  /** What memory reads where nothing answers: a bus gives ones, some machines were measured to give zeros. */
  readonly silentMemory: 0 | 0xff
  /**
   * One access of `out.length` bytes (1, 2, 4 or 8). A BAR answers in D0, with its decode bit set in COMMAND and
   * its register still at the assigned address; the ROM also needs bit 0 of its own register. Else ports read
   * all ones, and memory {@link PciHardware.silentMemory}.
   * @throws RangeError when there is no such BAR, or the access is outside it or of another length
   */
  readBar(bar: BarIndex | 'rom', offset: number, out: Uint8Array): void
  /** One access of `data.length` bytes; lost when the BAR does not answer. @throws as {@link PciHardware.readBar}. */
  writeBar(bar: BarIndex, offset: number, data: Uint8Array): void
  /**
   * One access of 1, 2, 4 or 8 bytes to the legacy VGA addresses: memory 0xa0000-0xbffff, ports 0x3b0-0x3bb and
   * 0x3c0-0x3df. A function with a VGA core answers in D0, whatever its decode bits say (the host's
   * arbiter turns decoding on); others give all ones.
   * @param address as on the bus
   * @throws RangeError for an access that is not inside one of the three windows
   */
  readVga(address: number, out: Uint8Array): void
  /** Lost when nothing answers. @throws as {@link PciHardware.readVga} */
  writeVga(address: number, data: Uint8Array): void
  readonly interrupts: FunctionInterrupts
  /** In the order in which they are tried. */
  readonly resetMethods: readonly ResetMethod[]
  /**
   * Orders the reset methods as writing sysfs `reset_method` does: names separated by blanks, `default` to probe
   * again, nothing to disable all.
   * @throws RangeError (EINVAL in sysfs) for an unknown or unsupported name; the list is then unchanged
   */
  setResetMethods(text: string): void
  /** Clears what the method clears. `ENOTTY`: it does not work here (`pci_dev_reset_methods` then tries the next). */
  reset(method: ResetMethod): ResetOutcome
  readonly powerState: PowerState
}

/** All functions of a topology. */
export interface PciMachine {
  /** As it is now. */
  readonly topology: Topology
  /**
   * Functions come and go. Those that stay keep registers and memory, and the identity that they were found
   * with; one that comes back is a new one.
   */
  changeTopology(next: Topology): void
  /** Undefined when the topology has no such function. */
  hardware(bdf: Bdf): PciHardware | undefined
  /** Every function below the bridge loses what a bus reset clears. @throws RangeError when there is no such bridge. */
  secondaryBusReset(bridge: Bdf): void
  readonly interruptController: InterruptController
  readonly clock: MachineClock
  /** By physical address: what firmware declared. */
  readonly memory: PhysicalMemory
  /** A number that firmware gives a function. Kernel: `device_property_read_u64`. */
  property(bdf: Bdf, name: string): bigint | undefined
  /** The resets of vendors. Set by whoever knows them, before functions are asked for. */
  specificResets: SpecificResets
  /** Set by whoever keeps the IOMMU's maps; until then nothing is mapped. */
  dmaTarget: DmaTarget
}
