/** What a plugin is opened with: one function that is opened for the first time, and what lies around it. */
import type { MemoryWindow } from '@vfiokit/hardware'
import type { BarIndex, PciFunction } from '@vfiokit/topology'
import type { KernelVersion } from '@vfiokit/vfio-core'

/** A BAR, as a region may use it. */
export interface RegionBar {
  readonly sizeBytes: number
  /** One access of `out.length` bytes (1, 2, 4 or 8). All ones while the device does not answer. */
  read(offset: number, out: Uint8Array): void
  write(offset: number, data: Uint8Array): void
}

/** Configuration space as the host sees it. */
export interface RegionConfig {
  readonly sizeBytes: number
  /**
   * @param widthBytes - 1, 2 or 4; `offset` is a multiple of it.
   * @throws RangeError for an access that the bus cannot carry.
   */
  read(offset: number, widthBytes: 1 | 2 | 4): number
  /** @throws as {@link RegionConfig.read} */
  write(offset: number, widthBytes: 1 | 2 | 4, value: number): void
}

/** The same of the function that is opened, with a say in what its users see. */
export interface OwnConfig extends RegionConfig {
  /** What users read there now. */
  seen(offset: number, widthBytes: 1 | 2 | 4): number
  /** Registers that are memory for users from now on: they write them, the device never knows. */
  keepVirtual(offset: number, data: Uint8Array): void
  /** What users read there from now on, whatever they write. */
  show(offset: number, data: Uint8Array): void
}

/** Another function of the machine. */
export interface OtherFunction {
  readonly function: PciFunction
  readonly config: RegionConfig
}

/** The device, as a plugin may use it. */
export interface RegionHost {
  readonly function: PciFunction
  /** Which kernel the host is: a provider that Linux had for a while only opens to nothing under others. */
  readonly kernel: KernelVersion
  readonly config: OwnConfig
  /** @throws RangeError when the function has no such memory BAR. */
  bar(index: BarIndex): RegionBar
  /** A function of the machine by its place, such as `0000:00:1f.0`; undefined when there is none. */
  functionAt(bdf: string): OtherFunction | undefined
  /** A number that firmware gives the function. Kernel: `device_property_read_u64`. */
  property(name: string): bigint | undefined
  /** Tells what the device writes by DMA, until the device is closed. @returns ends it. */
  watchDma(told: (iova: bigint, lengthBytes: number) => void): () => void
  /** Memory by physical address. Kernel: `memremap`. @throws RangeError where there is no memory. */
  physical(start: bigint, sizeBytes: number): MemoryWindow
}
