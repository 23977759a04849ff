/** What firmware tells of a machine beside its functions. Kernel: the memory map, `device_property_read_u64`. */
import type { Bdf } from '@vfiokit/topology'
import type { MemoryRange } from './physical-memory.ts'

/** Firmware of one machine. */
export interface Firmware {
  /** Memory by physical address, beside that of the system itself. */
  readonly memory?: readonly MemoryRange[] | undefined
  /** Numbers that it gives functions, by their place and their name: ACPI or device tree properties. */
  readonly properties?: Readonly<Record<Bdf, Readonly<Record<string, bigint>>>> | undefined
}
