/**
 * The semantics of Linux vfio-pci: config space, regions, faults, zaps and resets.
 * @packageDocumentation
 */
export { BarRegisters } from './config/bar-registers.ts'
export type { Claim, ClaimedSpace } from './config/capability-claims.ts'
export {
  CAPABILITY_PERMISSIONS,
  type CapabilityPermissions,
  type ConfigKernel,
  type ReadRegister,
} from './config/capability-permissions.ts'
export type { CapabilityWrite, RegisterHook } from './config/capability-writes.ts'
export { EXTENDED_PERMISSIONS } from './config/extended-permissions.ts'
export { HEADER_PERMISSIONS, type RegisterPermission } from './config/register-permissions.ts'
export { type ClaimedCapability, VirtualConfig } from './config/virtual-config.ts'
export { VFIO_PCI } from './driver-bindings.ts'
export type { DeviceInterrupts } from './irq/device-interrupts.ts'
export type { EventSlot } from './irq/event-slot.ts'
export type { PinUse } from './irq/interrupt-pin.ts'
export type { InterruptAction, InterruptData, InterruptRequest } from './irq/interrupt-request.ts'
export type { IoEventfds } from './irq/io-eventfds.ts'
export type { MessageKind } from './irq/message-interrupts.ts'
export { BarFrame } from './mapping/bar-frame.ts'
export type { ModuleOptions } from './module-options.ts'
export {
  type MsiAllowance,
  type MsixTable,
  OpenPciDevice,
  type OpenPciDeviceInit,
} from './open-pci-device.ts'
export { PciBus, type PciBusOptions } from './pci-bus.ts'
export { describeFailure, type PluginFailure, type PluginFailureLog } from './plugin-failure.ts'
export { DevicePower, type DevicePowerOptions } from './power/device-power.ts'
export { LowPower } from './power/low-power.ts'
export { DeviceRegion } from './region/device-region.ts'
export {
  type BarBackedRegion,
  type BarPage,
  type MemoryBackedRegion,
  type MemoryPage,
  REGION_PROVIDER_API,
  type Region,
  type RegionBar,
  type RegionBase,
  type RegionHost,
  type RegionKind,
  type RegionProvider,
  type TrappedRegion,
} from './region/region-provider.ts'
export { type AffectedFunctions, affectedFunctions } from './reset/affected-functions.ts'
export { DeviceLocks } from './reset/device-locks.ts'
export { VfToken } from './sriov/vf-token.ts'
export type { VirtualFunctions } from './sriov/virtual-functions.ts'
export { VfioPciDevice } from './vfio-pci-device.ts'
