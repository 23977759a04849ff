/**
 * Simulated PCI functions: registers with write masks, BARs, power states and resets.
 * @packageDocumentation
 */

export { BarMemory } from './bar-memory.ts'
export { isShadowRom } from './bar-resource.ts'
export {
  type DeviceModel,
  type DeviceModelFactory,
  type ModelBoard,
  type ResetEvent,
  StorageModel,
} from './device-model.ts'
export { edu } from './edu.ts'
export type { Firmware } from './firmware.ts'
export type { BoardSurroundings } from './function-board.ts'
export type { FunctionProfile, MeasuredBarSize, MeasuredReset } from './function-profile.ts'
export type {
  AccessWidth,
  BarResource,
  ConfigWidth,
  DmaTarget,
  FunctionInterrupts,
  InterruptController,
  InterruptMessage,
  MachineClock,
  PciHardware,
  PciMachine,
  PowerState,
  ResetOutcome,
  SpecificResets,
} from './pci-hardware.ts'
export { pciTestdev } from './pci-testdev.ts'
export { type MemoryRange, type MemoryWindow, PhysicalMemory } from './physical-memory.ts'
export { RegisterModel, registerModels } from './register-model.ts'
export {
  type ProfiledBar,
  type ProfiledBytes,
  type ProfiledRegister,
  type ProfiledRom,
  type ProfiledVga,
  parseRegisterProfile,
  type RegisterProfile,
  type RegisterProfileResult,
  registerProfileOf,
} from './register-profile.ts'
export { SimulatedFunction, type Surroundings } from './simulated-function.ts'
export { SimulatedMachine, type SimulatedMachineOptions } from './simulated-machine.ts'
