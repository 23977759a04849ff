/** What any process can look up of a machine in sysfs: groups, drivers, kinds of devices. */
import { InputError } from '../input-error.ts'

/** Facts of one function. */
export interface FunctionFacts {
  /** `vvvv-dddd`: the name of its profile. */
  readonly kind: string
  readonly iommuGroup?: number
  /** Who had it when the snapshot was taken. */
  readonly driver?: string
  /** Physical configuration space as found. */
  readonly config: Uint8Array
}

interface SnapshotDevice {
  readonly attrs?: Readonly<Record<string, unknown>>
}

/** Facts of every function, by BDF. */
export class MachineFacts {
  constructor(readonly functions: ReadonlyMap<string, FunctionFacts>) {}

  /** @throws InputError for text that is no sysfs snapshot. */
  static fromSnapshot(text: string, file: string): MachineFacts {
    const devices = devicesOf(text, file)
    const functions = Object.entries(devices).map(([bdf, device]) => [bdf, factsOf(device)] as const)
    return new MachineFacts(new Map(functions))
  }

  kind(bdf: string): string | undefined {
    return this.functions.get(bdf)?.kind
  }

  iommuGroup(bdf: string): number | undefined {
    return this.functions.get(bdf)?.iommuGroup
  }

  /** Functions that a driver had. */
  boundTo(driver: string): readonly string[] {
    return [...this.functions].filter(([, facts]) => facts.driver === driver).map(([bdf]) => bdf)
  }
}

function devicesOf(text: string, file: string): Readonly<Record<string, SnapshotDevice>> {
  try {
    const { devices } = JSON.parse(text) as { devices?: unknown }
    if (typeof devices === 'object' && devices !== null) return devices as Record<string, SnapshotDevice>
  } catch {
    // Falls to the one complaint: no JSON at all has no devices either.
  }
  throw new InputError([{ file, expected: 'a sysfs snapshot {devices: {...}}', found: text.slice(0, 40) }])
}

function factsOf({ attrs = {} }: SnapshotDevice): FunctionFacts {
  const group = lastPart(attrs.iommu_group)
  const driver = lastPart(attrs.driver)
  return {
    kind: `${idOf(attrs.vendor)}-${idOf(attrs.device)}`,
    ...(group === undefined ? {} : { iommuGroup: Number(group) }),
    ...(driver === undefined ? {} : { driver }),
    config: configOf(attrs.config),
  }
}

function lastPart(attribute: unknown): string | undefined {
  const link = (attribute as { link?: unknown } | undefined)?.link
  return typeof link === 'string' ? link.slice(link.lastIndexOf('/') + 1) : undefined
}

function idOf(attribute: unknown): string {
  return typeof attribute === 'string' ? attribute.replace(/^0x/, '').padStart(4, '0') : 'none'
}

function configOf(attribute: unknown): Uint8Array {
  const hex = (attribute as { hex?: unknown } | undefined)?.hex
  return typeof hex === 'string' ? Uint8Array.from(Buffer.from(hex, 'hex')) : new Uint8Array()
}
