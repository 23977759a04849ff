/** The guarded bodies, written once: vfio-pci runs them with hardware, an explorer compiles them. */
export { accessBody, barAccess } from './access.ts'
export {
  type AccessRule,
  type DeviceCellBackings,
  type DeviceCells,
  deviceCells,
  POWER_STATES,
  type PowerState,
} from './device-cells.ts'
export type { ExportedMemory } from './exported-memory.ts'
export { faultBody, handleFault, suppliedFaultBody, touch } from './fault.ts'
export { resetFunction } from './function-reset.ts'
export { type HotResetMember, hotReset } from './hot-reset.ts'
export { InvariantMonitor, type InvariantReport, type Violation } from './invariant-monitor.ts'
export {
  changedExclusively,
  discoverable,
  hitsAllOrNone,
  INVARIANTS,
  type InvariantId,
  leavesNothing,
  showsSamePlace,
  touchedInsideReadSide,
  unreachableWhileOff,
} from './invariants.ts'
export { closeDevice, openDevice } from './lifecycle.ts'
export { enterLowPower, leaveLowPower } from './low-power.ts'
export { setMemoryEnabled } from './memory-enable.ts'
export { setPower } from './power-change.ts'
export { excludesReaders, insideReadSide, type ProtocolDevice } from './protocol-device.ts'
