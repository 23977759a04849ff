/**
 * The semantics of Linux vfio-core: groups, containers, device lifecycle, processes and their mappings.
 * @packageDocumentation
 */
export { ContainerFile } from './container-file.ts'
export {
  type DependentDevice,
  DeviceCalls,
  type DeviceInfo,
  type InterruptInfo,
  type InterruptSetting,
  type IoEventfd,
  openDeviceIn,
  openGroup,
  openGroupIn,
  type RegionInfo,
} from './device-calls.ts'
export type { DeviceDriver, IoctlCall, MapAdmission, Transfer } from './device-driver.ts'
export { DeviceFile } from './device-file.ts'
export { type DeviceEvent, DeviceLifecycle, type DeviceState, nextState } from './device-lifecycle.ts'
export { DeviceSet } from './device-set.ts'
export { DmaBuf, DmaBufAttachment, type DmaBufImporter, type DmaBufRange } from './dma-buf/dma-buf.ts'
export { DmaBufExports } from './dma-buf/dma-buf-exports.ts'
export { EngineCalls } from './engine-calls.ts'
export { Eventfd, type EventWaiter, eventfdOf } from './eventfd.ts'
export { type DeviceFeature, type FeatureCall, payloadIn } from './feature/device-feature.ts'
export type { DmaLoggingOps, DmaLogRange } from './feature/dma-logging.ts'
export type { MigrationOps } from './feature/migration-features.ts'
export { Group } from './group.ts'
export { GroupDeviceFile } from './group-device-file.ts'
export { GroupFile } from './group-file.ts'
export type { HostOperator } from './host-operator.ts'
export { argumentIn, requireBytes } from './ioctl-argument.ts'
export { DeviceDma, type DmaDomain, type DmaWatcher } from './iommu/device-dma.ts'
export { type PageSpan, PageSpans } from './iommu/page-spans.ts'
export { type DmaPermission, PinnedMemory, type PinnedRun } from './iommu/pinned-memory.ts'
export { type DmaMapping, type IovaRange, Type1Iommu, type Type1Options } from './iommu/type1-iommu.ts'
export { DeviceNodeFile } from './iommufd/device-node-file.ts'
export { Ioas, type IoasMapRequest } from './iommufd/ioas.ts'
export { IommufdFile } from './iommufd/iommufd-file.ts'
export { type IoasMapping, IommufdCalls } from './iommufd-calls.ts'
export {
  DEFAULT_KERNEL,
  KERNEL_VERSIONS,
  type KernelProfile,
  type KernelVersion,
  kernelProfile,
} from './kernel-profile.ts'
export { LiveHost, LiveProcess } from './live-host.ts'
export { DeviceMigration, type MigrationSteps } from './migration/device-migration.ts'
export {
  isMigrationState,
  MIGRATION_FLAGS,
  MIGRATION_STATE,
  type MigrationState,
  migrationWay,
  nextMigrationState,
} from './migration/migration-state.ts'
export { MigrationCalls, type PrecopyAnswer, precopyInfo } from './migration-calls.ts'
export { AddressMap, type Area } from './mm/address-map.ts'
export { AddressSpace } from './mm/address-space.ts'
export { AddressSpaceLayout, REGION_PAGES } from './mm/address-space-layout.ts'
export { AnonymousMemory, type AnonymousMemoryInit } from './mm/anonymous-memory.ts'
export { type Frame, MemoryFrame } from './mm/frame.ts'
export type { DeviceMapRequest, MemoryMapRequest, MmapRequest } from './mm/mapping-calls.ts'
export { PAGE_SHIFT, PAGE_SIZE_BYTES, pageOf, pagesOf } from './mm/page.ts'
export { Process } from './mm/process.ts'
export { copyFromUser, copyToUser, lengthOf, type UserBuffer, type UserRange } from './mm/user-buffer.ts'
export { type Protection, Vma, type VmaBacking, type VmaInit } from './mm/vma.ts'
export { OpenFile, unknownIoctl } from './open-file.ts'
export { call, callsOf, type ProcessCalls } from './process-calls.ts'
export * from './uapi/index.ts'
export { UUID_BYTES, uuidText } from './uuid-text.ts'
export { VfioCore, type VfioCoreOptions } from './vfio-core.ts'
export { VfioDevice, type VfioDeviceInit } from './vfio-device.ts'
export { VfioError, type VfioErrorReason } from './vfio-error.ts'
export type { VfioHost, VfioProcess } from './vfio-host.ts'
export { type SignalName, VfioSignal } from './vfio-signal.ts'
