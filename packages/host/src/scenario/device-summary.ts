/** The devices of a scenario as they are on a host, for a heading. */
import { Bdf } from '@vfiokit/topology'
import type { Host } from '../host.ts'
import type { ScenarioDocument } from './scenario-schema.ts'

/** One device of a scenario. */
export interface DeviceSummary {
  /** In the scenario. */
  readonly name: string
  readonly bdf: Bdf
  /** Vendor and device: `8086:10d3`. */
  readonly id: string
  readonly iommuGroup: number | undefined
  /** What a hot reset of it resets: `slot 1`, or a bus. */
  readonly deviceSet: string | undefined
}

/** @throws RangeError for a device whose address is none. */
export function summariseDevices({ topology, core }: Host, { devices }: ScenarioDocument): DeviceSummary[] {
  return Object.entries(devices).map(([name, text]) => {
    const bdf = Bdf.parse(text)
    const fn = topology.function(bdf)
    return {
      name,
      bdf,
      id: `${hex(fn?.vendorId)}:${hex(fn?.deviceId)}`,
      iommuGroup: fn?.iommuGroup,
      deviceSet: core.devices.get(bdf)?.set.id,
    }
  })
}

function hex(id: number | undefined): string {
  return id === undefined ? '????' : id.toString(16).padStart(4, '0')
}
