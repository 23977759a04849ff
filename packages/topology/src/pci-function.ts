/** PciFunction: one function of a topology, as its source described it. Immutable. */
import type { Bar } from './bar.ts'
import type { Bdf } from './bdf.ts'
import type { BridgeWindows, BusNumbers } from './bridge.ts'
import type { CapabilityLists } from './capability.ts'
import type { ConfigSpace } from './config-space.ts'
import type { PcieInfo } from './pcie.ts'

export interface SubsystemIds {
  readonly vendorId: number
  readonly deviceId: number
}

export interface PciFunction extends CapabilityLists {
  readonly bdf: Bdf
  readonly vendorId: number
  readonly deviceId: number
  /** 24 bits: base class, subclass, programming interface. */
  readonly classCode: number
  readonly revision: number
  readonly subsystem: SubsystemIds | undefined
  /** 0: endpoint, 1: PCI bridge, 2: CardBus bridge. */
  readonly headerType: 0 | 1 | 2
  /** As Linux has it: the header bit, or being found beside function 0; never for a virtual function. */
  readonly multifunction: boolean
  readonly config: ConfigSpace
  /** Real size of the configuration space; undefined when the source does not say (a dump that ends early). */
  readonly configSizeBytes: 256 | 4096 | undefined
  /** The BARs that are present, ROM included, lowest first. */
  readonly bars: readonly Bar[]
  /** Of a physical function: BARs of its virtual functions, each sized for TotalVFs of them. */
  readonly vfBars: readonly Bar[]
  readonly pcie: PcieInfo | undefined
  /** The bridge above; undefined on a root bus. */
  readonly parent: Bdf | undefined
  readonly driver: string | undefined
  /** The group the kernel formed; undefined when the source does not say. Never a prediction. */
  readonly iommuGroup: number | undefined
  /** Name of the physical slot that holds it. */
  readonly slot: string | undefined
  /** As the source recorded them; undefined: not recorded, empty: the function has none. */
  readonly resetMethods: readonly string[] | undefined
  /** Other sysfs attributes that the source has, as text by name: `numa_node`, `current_link_speed`, ... */
  readonly attributes: Readonly<Record<string, string>>
  /** Of a virtual function: its physical function. */
  readonly physfn: Bdf | undefined
}

/** A function without the group that the kernel gave it: a prediction of groups cannot look. */
export type UngroupedFunction = Omit<PciFunction, 'iommuGroup'>

/**
 * What a source knows of a function. Only the address is needed; what is left out is decoded from `config`, and
 * what is given wins over it (the kernel's word on a virtual function, whose own registers read ffff).
 */
export interface FunctionInput {
  readonly bdf: Bdf
  readonly vendorId?: number | undefined
  readonly deviceId?: number | undefined
  readonly classCode?: number | undefined
  readonly revision?: number | undefined
  readonly subsystem?: SubsystemIds | undefined
  readonly multifunction?: boolean | undefined
  readonly config?: ConfigSpace | undefined
  readonly configSizeBytes?: 256 | 4096 | undefined
  readonly bars?: readonly Bar[] | undefined
  readonly vfBars?: readonly Bar[] | undefined
  readonly busNumbers?: BusNumbers | undefined
  readonly windows?: BridgeWindows | undefined
  /** The bridge above as the source says; null: on a root bus; undefined: to be found from bus numbers. */
  readonly parent?: Bdf | null | undefined
  readonly driver?: string | undefined
  readonly iommuGroup?: number | undefined
  readonly resetMethods?: readonly string[] | undefined
  readonly attributes?: Readonly<Record<string, string>> | undefined
  readonly physfn?: Bdf | undefined
}
