/**
 * Wires @vfiokit/vfio-pci: the bus of one host, with every region provider that is bound.
 * @packageDocumentation
 */
import { PCI_MACHINE } from '@vfiokit/hardware/module'
import { VFIO_CORE } from '@vfiokit/vfio-core/module'
import { ContainerModule, type ServiceIdentifier } from 'inversify'
import type { CapabilityHandler } from './config/capability-handler.ts'
import type { ModuleOptions } from './module-options.ts'
import { PciBus } from './pci-bus.ts'
import type { PluginFailureLog } from './plugin-failure.ts'
import type { RegionProvider } from './region/region-provider.ts'
import type { VendorReset } from './reset/vendor-reset.ts'
import type { VariantDriver } from './variant/variant-driver.ts'

/** Sources of device-specific regions; bound once for each. */
export const REGION_PROVIDER = Symbol.for(
  '@vfiokit/vfio-pci/RegionProvider',
) as ServiceIdentifier<RegionProvider>
/** Drivers beside vfio-pci for single functions; bound once for each. */
export const VARIANT_DRIVER = Symbol.for(
  '@vfiokit/vfio-pci/VariantDriver',
) as ServiceIdentifier<VariantDriver>
/** Resets that only a vendor knows; bound once for each. */
export const VENDOR_RESET = Symbol.for('@vfiokit/vfio-pci/VendorReset') as ServiceIdentifier<VendorReset>
/** Capabilities that plugins show; bound once for each. */
export const CAPABILITY_HANDLER = Symbol.for(
  '@vfiokit/vfio-pci/CapabilityHandler',
) as ServiceIdentifier<CapabilityHandler>
/** Who is told about plugins that misbehave. Bound by the host. */
export const PLUGIN_FAILURE_LOG = Symbol.for(
  '@vfiokit/vfio-pci/PluginFailureLog',
) as ServiceIdentifier<PluginFailureLog>
/** Module options of vfio-pci; all are off unless the host binds them. */
export const MODULE_OPTIONS = Symbol.for(
  '@vfiokit/vfio-pci/ModuleOptions',
) as ServiceIdentifier<ModuleOptions>
/** The vfio-pci driver of one host. */
export const PCI_BUS = Symbol.for('@vfiokit/vfio-pci/PciBus') as ServiceIdentifier<PciBus>

/** Binds the bus. */
export const vfioPciModule: ContainerModule = new ContainerModule(({ bind }) => {
  bind(PCI_BUS)
    .toDynamicValue(
      (context) =>
        new PciBus({
          core: context.get(VFIO_CORE),
          machine: context.get(PCI_MACHINE),
          providers: context.getAll(REGION_PROVIDER),
          variantDrivers: context.getAll(VARIANT_DRIVER, { optional: true }),
          capabilityHandlers: context.getAll(CAPABILITY_HANDLER, { optional: true }),
          vendorResets: context.getAll(VENDOR_RESET, { optional: true }),
          onPluginFailure: context.get(PLUGIN_FAILURE_LOG),
          moduleOptions: context.get(MODULE_OPTIONS, { optional: true }) ?? {},
        }),
    )
    .inSingletonScope()
})
