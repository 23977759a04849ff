/** What an author says about the card: enough to build it, and what its regions are expected to be. */
import type { MemoryRange } from '@vfiokit/hardware'
import type { AnyLockingStrategy, VfioErrno } from '@vfiokit/locking'
import type { BarIndex, ComposedCapability, SubsystemIds } from '@vfiokit/topology'
import type { KernelVersion } from '@vfiokit/vfio-core'
import type { Region } from '@vfiokit/vfio-pci'
import type { RuleId } from './variant/variant-rules.ts'

/** A BAR of the card. */
export interface FixtureBar {
  readonly index: BarIndex
  /** A power of two. */
  readonly sizeBytes: number
  /** `memory` when absent. */
  readonly kind?: 'io' | 'memory'
  /** 32 when absent. A 64-bit BAR takes the next index too. */
  readonly width?: 32 | 64
  readonly prefetchable?: boolean
}

/** The function that the provider is for. */
export interface FixtureFunction {
  readonly vendorId: number
  readonly deviceId: number
  /** 24 bits. By default 0x120000, a processing accelerator. */
  readonly classCode?: number
  readonly revision?: number
  readonly subsystem?: SubsystemIds
  readonly bars?: readonly FixtureBar[]
  /** By default power management, and PCI Express with function level reset. */
  readonly capabilities?: readonly ComposedCapability[]
  /** What further registers of configuration space hold, by offset in bytes. */
  readonly config?: Readonly<Record<number, readonly number[]>>
}

/** Another function of the machine, on bus 0. */
export interface FixtureNeighbour extends FixtureFunction {
  /** `00:1f.0`. Not 00:01.0 or 00:02.0: the suite has these. */
  readonly bdf: string
}

/** What one region shall be; what is left out is not looked at. */
export interface RegionExpectation {
  /** With bit 31 set, a vendor's own: `0x80001234`. */
  readonly type?: number
  readonly subtype?: number
  readonly sizeBytes?: number
  readonly read?: boolean
  readonly write?: boolean
  /** `none`: not mappable. */
  readonly backing?: NonNullable<Region['backing']> | 'none'
}

/** Everything that the suite needs to know beside the provider. */
export interface RegionFixture {
  readonly function: FixtureFunction
  /**
   * What registers hold after power-on and after every reset: by BAR, then by offset in bytes.
   * Everything else of a BAR is memory that begins with zeros.
   */
  readonly bars?: Readonly<Record<number, Readonly<Record<number, readonly number[]>>>>
  /** What else is in the machine, for providers that look at other functions. */
  readonly neighbours?: readonly FixtureNeighbour[]
  /** Memory by physical address. */
  readonly memory?: readonly MemoryRange[]
  /** Numbers that firmware gives the card, by name. */
  readonly properties?: Readonly<Record<string, bigint>>
  /** In the order of their indexes. Absent: one region or more, of any kind. */
  readonly regions?: readonly RegionExpectation[]
  /**
   * Kernels under which the provider opens no region, since Linux has none there. Every kernel that is not
   * named has to have them; both are checked.
   */
  readonly nothingUnder?: readonly KernelVersion[]
  /** What stands in the place of BARs, by their index, where a variant driver puts it there. */
  readonly replacements?: Readonly<Record<number, Omit<RegionExpectation, 'type' | 'subtype'>>>
  /**
   * With which errno regions refuse another mapping that can be mapped once for each open. The suite maps again
   * and again, so it asks their `mmap` for the first mapping of each open alone, but for the rule about that.
   */
  readonly mapsOnce?: VfioErrno
  /**
   * What reads and writes may answer in contests, where memory may be off and a reset may be on. By default they
   * have to succeed: a region that is no BAR does not depend on either.
   */
  readonly whileAway?: readonly VfioErrno[]
  /** The kernel under which rules are asked; by default the newest under which there are regions. */
  readonly kernel?: KernelVersion
  /** What the provider is run live under, beside every kernel; by default every strategy that ships. */
  readonly strategies?: readonly AnyLockingStrategy[]
  /** Rules that this plugin breaks on purpose, each with the reason. They are not asked. */
  readonly except?: Readonly<Partial<Record<RuleId, string>>>
}
