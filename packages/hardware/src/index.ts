/**
 * Simulated PCI functions: registers with write masks, BARs, power states and resets.
 * @packageDocumentation
 */
export { BarMemory } from './bar-memory.ts'
export {
  type DeviceModel,
  type DeviceModelFactory,
  type ModelBoard,
  type ResetEvent,
  StorageModel,
} from './device-model.ts'
export type { FunctionProfile, MeasuredBarSize, MeasuredReset } from './function-profile.ts'
export type {
  AccessWidth,
  BarResource,
  ConfigWidth,
  PciHardware,
  PciMachine,
  PowerState,
} from './pci-hardware.ts'
export { SimulatedFunction, type Surroundings } from './simulated-function.ts'
export { SimulatedMachine, type SimulatedMachineOptions } from './simulated-machine.ts'
