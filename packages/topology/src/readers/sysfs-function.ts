/**
 * What the files and links of a sysfs device directory say of a function, whether they come from a snapshot or from
 * a live system. A file that is missing or could not be read leaves its field unknown; a malformed one is a fault.
 */
import { Bdf } from '../bdf.ts'
import type { ConfigSpace } from '../config-space.ts'
import type { Diagnostic } from '../diagnostic.ts'
import type { FunctionInput, SubsystemIds } from '../pci-function.ts'
import { barsOfResources, parseResourceLines, vfBarsOfResources, windowsOfResources } from '../resource.ts'
import type { SlotInput } from '../slot.ts'

/** One device directory. */
export interface SysfsDevice {
  /** Whether there is such a file, readable or not. */
  has(name: string): boolean
  /** Contents without the space around them; undefined when missing or unreadable. */
  text(name: string): string | undefined
  /** Where a link leads, as written in it. */
  link(name: string): string | undefined
  config(): ConfigSpace | undefined
  /** Size of the file `config`, which may be more than a reader without privilege gets. */
  configFileBytes(): number | undefined
  /** Which of {@link MORE_ATTRIBUTES} are to be read: a running system is asked for them only on request. */
  readonly moreAttributes: readonly string[]
  /** The resolved path of the directory: its components are the bridges above. */
  path(): string | undefined
}

/** Attributes that a topology keeps as text: nothing here is concluded from them. */
export const MORE_ATTRIBUTES: readonly string[] = [
  ...['irq', 'enable', 'msi_bus', 'broken_parity_status', 'd3cold_allowed', 'ari_enabled', 'boot_vga'],
  ...['dma_mask_bits', 'consistent_dma_mask_bits', 'numa_node', 'local_cpus', 'local_cpulist'],
  ...['current_link_speed', 'current_link_width', 'max_link_speed', 'max_link_width'],
  ...['secondary_bus_number', 'subordinate_bus_number', 'power_state', 'driver_override'],
  ...['sriov_totalvfs', 'sriov_numvfs', 'sriov_offset', 'sriov_stride', 'sriov_vf_device'],
  ...['sriov_drivers_autoprobe', 'sriov_vf_total_msix', 'label', 'index', 'acpi_index', 'modalias'],
  ...['serial_number', ...[0, 1, 2, 3, 4, 5].map((bar) => `resource${bar}_resize`)],
]

export type Report = (fault: Diagnostic) => void

/**
 * @param recordsMethods the kernel has `reset_method` files: a function without one has no reset. Older kernels
 *   have none, and then nothing is known.
 */
export function sysfsFunction(
  bdf: Bdf,
  device: SysfsDevice,
  recordsMethods: boolean,
  report: Report,
): FunctionInput {
  const attributes = new Attributes(bdf, device, report)
  const resources = attributes.resources()
  const size = device.configFileBytes()
  const path = device.path()
  const physfn = attributes.linkTarget('physfn')
  return {
    bdf,
    vendorId: attributes.number('vendor'),
    deviceId: attributes.number('device'),
    classCode: attributes.number('class', 6),
    revision: attributes.number('revision', 2),
    subsystem: attributes.subsystem(),
    config: device.config(),
    configSizeBytes: size === 256 || size === 4096 ? size : undefined,
    bars: resources && barsOfResources(resources),
    vfBars: resources && vfBarsOfResources(resources),
    windows: resources && windowsOfResources(resources),
    parent: path === undefined ? undefined : parentOfPath(path),
    driver: attributes.linkTarget('driver'),
    iommuGroup: attributes.iommuGroup(),
    resetMethods: attributes.resetMethods(recordsMethods),
    attributes: attributes.more(device.moreAttributes),
    physfn: physfn === undefined ? undefined : Bdf.tryParse(physfn),
  }
}

const SLOT_ADDRESS = /^([0-9a-f]{4,8}):([0-9a-f]{2})(?::([01][0-9a-f]))?$/i

/** @param module the link `module` of the slot, which not every kernel has. */
export function sysfsSlot(
  name: string,
  address: unknown,
  module: string | undefined,
  report: Report,
): SlotInput | undefined {
  const match = typeof address === 'string' ? SLOT_ADDRESS.exec(address.trim()) : null
  if (match === null) {
    report(malformed(`slot '${name}': address`, 'domain:bus or domain:bus:device', address))
    return undefined
  }
  const number = (text: string): number => Number.parseInt(text, 16)
  const device = match[3] === undefined ? undefined : number(match[3])
  return { name, domain: number(match[1]!), bus: number(match[2]!), device, driver: lastComponent(module) }
}

/** `.../pci0000:00/0000:00:01.0/0000:01:00.0` -> the directory above, null when that is a host bridge. */
export function parentOfPath(path: string): Bdf | null | undefined {
  const above = path.split('/').at(-2)
  if (above === undefined) return undefined
  if (/^pci[0-9a-f]+:[0-9a-f]{2}$/i.test(above)) return null
  return Bdf.tryParse(above)
}

function lastComponent(path: string | undefined): string | undefined {
  return path?.split('/').at(-1)
}

/** Short, and without recursion: what is here may be nested without end. */
function describe(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' && value !== null ? 'an object' : JSON.stringify(value)
}

export function malformed(what: string, expected: string, value: unknown, bdf?: Bdf): Diagnostic {
  const text = describe(value)
  const found = text.length > 60 ? `${text.slice(0, 57)}...` : text
  const message = `${what} is malformed`
  const rest = { message, expected, found, ...(bdf === undefined ? {} : { bdf }) }
  return { severity: 'error', code: 'sysfs-malformed', ...rest }
}

/** The attributes of one device, checked. */
class Attributes {
  readonly #bdf: Bdf
  readonly #device: SysfsDevice
  readonly #report: Report

  constructor(bdf: Bdf, device: SysfsDevice, report: Report) {
    this.#bdf = bdf
    this.#device = device
    this.#report = report
  }

  /** `0x...` numbers of at most `digits` digits. */
  number(name: string, digits = 4): number | undefined {
    const text = this.#device.text(name)
    if (text === undefined) return undefined
    if (/^0x[0-9a-f]+$/i.test(text) && text.length <= 2 + digits) return Number(text)
    this.#malformed(name, `0x and at most ${digits} hexadecimal digits`, text)
    return undefined
  }

  subsystem(): SubsystemIds | undefined {
    const vendorId = this.number('subsystem_vendor')
    const deviceId = this.number('subsystem_device') ?? 0
    if (vendorId === undefined || vendorId === 0 || vendorId === 0xffff) return undefined
    return Object.freeze({ vendorId, deviceId })
  }

  linkTarget(name: string): string | undefined {
    return lastComponent(this.#device.link(name))
  }

  iommuGroup(): number | undefined {
    const target = this.linkTarget('iommu_group')
    if (target === undefined) return undefined
    if (/^\d{1,9}$/.test(target)) return Number(target)
    this.#malformed('iommu_group', 'a link to a numbered group', target)
    return undefined
  }

  /** Absent when the function has no reset at all; empty text when all were disabled. */
  resetMethods(recordsMethods: boolean): readonly string[] | undefined {
    const text = this.#device.text('reset_method')
    if (text !== undefined) return text === '' ? [] : text.split(/\s+/)
    return recordsMethods && !this.#device.has('reset_method') ? [] : undefined
  }

  more(names: readonly string[]): Readonly<Record<string, string>> | undefined {
    const found = names.flatMap((name) => {
      const text = this.#device.text(name)
      return text === undefined ? [] : [[name, text] as const]
    })
    return found.length === 0 ? undefined : Object.fromEntries(found)
  }

  resources(): ReturnType<typeof parseResourceLines> | undefined {
    const text = this.#device.text('resource')
    if (text === undefined) return undefined
    const lines = parseResourceLines(text)
    const bad = lines.indexOf(undefined)
    if (bad >= 0) {
      this.#malformed(`resource line ${bad + 1}`, 'three hexadecimal numbers', text.split('\n')[bad])
    }
    return lines
  }

  #malformed(name: string, expected: string, value: unknown): void {
    this.#report(malformed(`${this.#bdf}: ${name}`, expected, value, this.#bdf))
  }
}
