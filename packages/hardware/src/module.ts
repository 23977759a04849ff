/**
 * Bindings of this package for an inversify container.
 * @packageDocumentation
 */
import type { PciFunction } from '@vfiokit/topology'
import { TOPOLOGY } from '@vfiokit/topology/module'
import { ContainerModule, type ServiceIdentifier } from 'inversify'
import type { DeviceModelFactory } from './device-model.ts'
import type { Firmware } from './firmware.ts'
import type { FunctionProfile } from './function-profile.ts'
import type { PciMachine } from './pci-hardware.ts'
import { SimulatedMachine } from './simulated-machine.ts'

/** A source of profiles; the first bound that knows the function decides. */
export type FunctionProfileSource = (fn: PciFunction) => FunctionProfile | undefined

export const PCI_MACHINE = Symbol.for('@vfiokit/hardware/PciMachine') as ServiceIdentifier<PciMachine>
/** Multi-bound, none by default. */
export const FUNCTION_PROFILE_SOURCE = Symbol.for(
  '@vfiokit/hardware/FunctionProfileSource',
) as ServiceIdentifier<FunctionProfileSource>
/** Multi-bound, none by default. */
export const DEVICE_MODEL_FACTORY = Symbol.for(
  '@vfiokit/hardware/DeviceModelFactory',
) as ServiceIdentifier<DeviceModelFactory>

/** What firmware tells; bound once, or not at all. */
export const FIRMWARE = Symbol.for('@vfiokit/hardware/Firmware') as ServiceIdentifier<Firmware>

/** Binds {@link PCI_MACHINE} to a simulated machine of the bound topology. */
export const hardwareModule: ContainerModule = new ContainerModule(({ bind }) => {
  bind(PCI_MACHINE)
    .toDynamicValue((context) => {
      const sources = context.getAll(FUNCTION_PROFILE_SOURCE, { optional: true })
      return new SimulatedMachine(context.get(TOPOLOGY), {
        profiles: (fn) => sources.map((source) => source(fn)).find((profile) => profile !== undefined),
        models: context.getAll(DEVICE_MODEL_FACTORY, { optional: true }),
        firmware: context.get(FIRMWARE, { optional: true }),
      })
    })
    .inSingletonScope()
})
