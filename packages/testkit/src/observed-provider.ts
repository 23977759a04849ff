/** A provider with somebody who watches it. */
import type { PciFunction } from '@vfiokit/topology'
import { PCI_REGION } from '@vfiokit/vfio-core'
import type { Region, RegionHost, RegionProvider } from '@vfiokit/vfio-pci'
import { ObservedPlugin } from './observed-plugin.ts'

/** @see ObservedPlugin */
export class ObservedProvider extends ObservedPlugin implements RegionProvider {
  readonly name: string
  readonly registration: ObservedPlugin['registration'] = { providers: [this] }

  constructor(readonly provider: RegionProvider) {
    super()
    this.name = provider.name
  }

  matches(fn: PciFunction): boolean {
    return this.provider.matches(fn)
  }

  open(host: RegionHost): readonly Region[] {
    this.beginOpen()
    const regions = this.provider.open(host)
    this.regions = regions.map((region, position) => ({
      position,
      index: PCI_REGION.FIRST_DEVICE_SPECIFIC + position,
      region,
    }))
    return regions.map((region, position) => this.observed(region, { owner: position }))
  }
}
