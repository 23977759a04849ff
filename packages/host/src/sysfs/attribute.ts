/** One attribute of `/sys/bus/pci/devices/<function>`: who has it, what it reads, what writing does. */
import type { PciHardware } from '@vfiokit/hardware'
import type { Awaitable } from '@vfiokit/locking'
import type { PciFunction } from '@vfiokit/topology'
import type { PciBus } from '@vfiokit/vfio-pci'

/** The function that is looked at. */
export interface SysfsFunction {
  readonly bus: PciBus
  readonly hardware: PciHardware
  readonly identity: PciFunction
}

/** A file with text, as `cat` shows it: without the newline at the end. */
export interface TextAttribute {
  /** Undefined: this function does not have it. Absent: it can only be written. */
  read?(fn: SysfsFunction): string | undefined
  /**
   * Absent: it can only be read.
   *
   * @throws VfioError as the kernel's `store` function does; RangeError counts as EINVAL.
   */
  write?(fn: SysfsFunction, value: string): Awaitable<void>
}

/** A symbolic link. */
export interface LinkAttribute {
  /** Where it leads, from the top of sysfs: `bus/pci/drivers/vfio-pci`. Undefined: it is not there. */
  link(fn: SysfsFunction): string | undefined
}

/** Either. */
export type SysfsAttribute = TextAttribute | LinkAttribute

/** Whether it is a link. */
export function isLink(attribute: SysfsAttribute): attribute is LinkAttribute {
  return 'link' in attribute
}

/** A number as sysfs prints identities: `0x8086`. */
export function hex(value: number, digits: number): string {
  return `0x${value.toString(16).padStart(digits, '0')}`
}
