/** The variant drivers of a host. */
import type { PciFunction } from '@vfiokit/topology'
import { PluginCalls } from '../plugin-calls.ts'
import type { PluginFailureLog } from '../plugin-failure.ts'
import type { VariantDriver } from './variant-driver.ts'

/** In the order in which they were registered. */
export class VariantDrivers {
  constructor(
    readonly all: readonly VariantDriver[],
    readonly log: PluginFailureLog,
  ) {}

  /** The first that matches a function. */
  driverFor(fn: PciFunction): VariantDriver | undefined {
    return this.all.find((driver) =>
      new PluginCalls(driver.name, fn.bdf, this.log).matches(() => driver.matches(fn)),
    )
  }
}
