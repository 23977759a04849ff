/**
 * The semantics of Linux vfio-pci: config space, regions, faults, zaps and resets.
 * @packageDocumentation
 */
export { BarRegisters } from './config/bar-registers.ts'
export type { Claim, ClaimedSpace } from './config/capability-claims.ts'
export { type CapabilityHandler, CapabilityTable } from './config/capability-handler.ts'
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
  type Extension,
  type MsiAllowance,
  type MsixTable,
  OpenPciDevice,
  type OpenPciDeviceInit,
} from './open-pci-device.ts'
export { PciBus, type PciBusOptions } from './pci-bus.ts'
export { PluginCalls } from './plugin-calls.ts'
export { describeFailure, type PluginFailure, type PluginFailureLog } from './plugin-failure.ts'
export { DevicePower, type DevicePowerOptions } from './power/device-power.ts'
export { LowPower } from './power/low-power.ts'
export { DeviceRegion, type RegionPlace } from './region/device-region.ts'
export type {
  AccessAnswer,
  Answer,
  BarBackedBody,
  BarBackedRegion,
  BarPage,
  MapPlace,
  MappableRegion,
  MemoryBackedBody,
  MemoryBackedRegion,
  MemoryPage,
  OfKind,
  PhysicallyBackedBody,
  PhysicallyBackedRegion,
  PhysicalPage,
  Region,
  RegionArea,
  RegionBase,
  RegionBody,
  RegionKind,
  RegionPage,
  TrappedBody,
  TrappedRegion,
  UntiedRegion,
} from './region/region.ts'
export type { OtherFunction, OwnConfig, RegionBar, RegionConfig, RegionHost } from './region/region-host.ts'
export { REGION_PROVIDER_API, type RegionProvider } from './region/region-provider.ts'
export { type AffectedFunctions, affectedFunctions } from './reset/affected-functions.ts'
export { DeviceLocks } from './reset/device-locks.ts'
export type { ResetHost, VendorReset } from './reset/vendor-reset.ts'
export { VfToken } from './sriov/vf-token.ts'
export type { VirtualFunctions } from './sriov/virtual-functions.ts'
export { OpenVariant } from './variant/open-variant.ts'
export { variantDefect } from './variant/variant-defect.ts'
export type { VariantDmaLog } from './variant/variant-dma-log.ts'
export type {
  BarCut,
  BarOverride,
  BarRegister,
  BarReplacement,
  Variant,
  VariantDriver,
} from './variant/variant-driver.ts'
export { VariantDrivers } from './variant/variant-drivers.ts'
export type { VariantFeature } from './variant/variant-feature.ts'
export type {
  MigrationSink,
  MigrationSource,
  MigrationStateName,
  PreCopyInfo,
  VariantMigration,
} from './variant/variant-migration.ts'
export { VfioPciDevice } from './vfio-pci-device.ts'
