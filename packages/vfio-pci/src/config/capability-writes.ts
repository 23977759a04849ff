/**
 * What writes to capabilities set in motion, by capability.
 *
 *   PM             a power change; D3hot zaps
 *   VPD            a transfer, once its flag is written
 *   MSI            enable and vector count go as far as the ioctl allowed
 *   PCIe, AF       a set reset bit is taken, and resets the function by whatever method works
 *   PCIe           the read request size reaches the hardware, but never below its payload size
 *
 * Kernel: `vfio_pm_config_write`, `vfio_vpd_config_write`, `vfio_msi_config_write`,
 * `vfio_exp_config_write`, `vfio_af_config_write`.
 */
import type { ConfigWidth } from '@vfiokit/hardware'
import { effect, type Op, type Operation, POWER_STATES } from '@vfiokit/locking'
import { CAPABILITY_ID } from '@vfiokit/topology'
import type { OpenPciDevice } from '../open-pci-device.ts'
import { changePowerByRegister } from '../power/power-register.ts'
import { resetByRegister } from '../reset/function-reset.ts'
import { AF, EXP, MSI, PM_CONTROL, VPD } from './capability-permissions.ts'
import { transferVpd } from './vital-product-data.ts'

/** One access to a capability. */
export interface CapabilityWrite {
  readonly open: OpenPciDevice
  /** Where the capability begins. */
  readonly start: number
  /** Where the access begins, counted like `start` from the beginning of configuration space. */
  readonly offset: number
  readonly widthBytes: ConfigWidth
  readonly value: number
}

/** Does a write, and what follows from it. */
export type RegisterHook = (write: CapabilityWrite) => Operation<void>

/** The write itself, as the tables say. */
function store({ open, offset, widthBytes, value }: CapabilityWrite): Op<void> {
  return effect('config write', [undefined], () => open.config.write(offset, widthBytes, value))
}

const writePowerManagement: RegisterHook = function* (write) {
  const { open, start, offset, value } = write
  yield* store(write)
  if (offset !== start + PM_CONTROL.OFFSET) return
  yield* changePowerByRegister(open, POWER_STATES[value & PM_CONTROL.STATE]!)
}

const writeVpd: RegisterHook = function* (write) {
  const { open, start, offset, widthBytes } = write
  yield* store(write)
  const flag = start + VPD.ADDRESS + 1
  if (offset > flag || offset + widthBytes <= flag) return
  yield* effect('VPD transfer', [undefined], () => transferVpd(open.config, start))
}

/**
 * Vectors are enabled by ioctl: the register can only turn off what that turned on, and on again. A
 * write that ends in front of the flags counts as well, as in the kernel.
 */
const writeMsi: RegisterHook = function* (write) {
  const { open, start, offset, widthBytes } = write
  yield* store(write)
  const flags = start + MSI.FLAGS
  if (offset > flags || offset + widthBytes < flags) return
  yield* effect('MSI flags', [undefined], () => {
    const { config, hardware, msi } = open
    let kept = config.copy(flags, 2)
    if (!msi.isActive) kept &= ~MSI.ENABLE
    if ((kept & MSI.QUEUE_SIZE) >> MSI.QUEUE_SHIFT > msi.vectorsLog2)
      kept = (kept & ~MSI.QUEUE_SIZE) | (msi.vectorsLog2 << MSI.QUEUE_SHIFT)
    config.setCopy(flags, 2, kept)
    hardware.writeConfig(flags, 2, kept)
  })
}

const writePciExpress: RegisterHook = function* (write) {
  const { open, start } = write
  const control = start + EXP.DEVICE_CONTROL
  const request = open.config.copy(control, 2) & EXP.READ_REQUEST
  yield* store(write)
  if (takeBit(open, control, 2, EXP.FLR)) {
    const capabilities = open.hardware.readConfig(start + EXP.DEVICE_CAPABILITIES, 4)
    if ((capabilities & EXP.HAS_FLR) !== 0) yield* resetByRegister(open)
  }
  if ((open.config.copy(control, 2) & EXP.READ_REQUEST) !== request)
    yield* effect('read request size', [undefined], () => followReadRequest(open, control))
}

/** Sizes are 128 bytes shifted by their field; what is larger than 4 KiB does not exist. */
const SIZE_MAX_LOG2 = 5

/**
 * The user's payload size stays in the copy, since it concerns other devices; a read request smaller than
 * the real one would only be slow.
 */
function followReadRequest({ config, hardware }: OpenPciDevice, control: number): void {
  const found = hardware.readConfig(control, 2)
  const wanted = (config.copy(control, 2) & EXP.READ_REQUEST) >> EXP.READ_REQUEST_SHIFT
  const size = Math.max(wanted, (found & EXP.PAYLOAD) >> EXP.PAYLOAD_SHIFT)
  if (size > SIZE_MAX_LOG2) return
  hardware.writeConfig(control, 2, (found & ~EXP.READ_REQUEST) | (size << EXP.READ_REQUEST_SHIFT))
}

const writeAdvancedFeatures: RegisterHook = function* (write) {
  const { open, start } = write
  yield* store(write)
  if (!takeBit(open, start + AF.CONTROL, 1, AF.FLR)) return
  const capabilities = open.hardware.readConfig(start + AF.CAPABILITIES, 1)
  if ((capabilities & AF.HAS_TP_AND_FLR) === AF.HAS_TP_AND_FLR) yield* resetByRegister(open)
}

/** The bit reads 0 whatever happens; whether the write left it set is what counts, not where it began. */
function takeBit({ config }: OpenPciDevice, register: number, widthBytes: 1 | 2, bit: number): boolean {
  const copy = config.copy(register, widthBytes)
  config.setCopy(register, widthBytes, copy & ~bit)
  return (copy & bit) !== 0
}

/** Capabilities whose writes do more than store, by id. */
export const CAPABILITY_WRITES: ReadonlyMap<number, RegisterHook> = new Map([
  [CAPABILITY_ID.powerManagement, writePowerManagement],
  [VPD.ID, writeVpd],
  [CAPABILITY_ID.msi, writeMsi],
  [CAPABILITY_ID.pciExpress, writePciExpress],
  [CAPABILITY_ID.advancedFeatures, writeAdvancedFeatures],
])
