/**
 * What writes to capabilities set in motion, by capability.
 *
 *   PM             a power change; D3hot zaps
 *   MSI            enable and vector count stay what the ioctl made them
 *   PCIe, AF       a set reset bit is taken, and resets the function by whatever method works
 *
 * Kernel: `vfio_pm_config_write`, `vfio_msi_config_write`, `vfio_exp_config_write`, `vfio_af_config_write`.
 */
import type { ConfigWidth, PowerState } from '@vfiokit/hardware'
import { effect, type Op, type Operation, POWER_STATES, setPower } from '@vfiokit/locking'
import { CAPABILITY_ID } from '@vfiokit/topology'
import type { OpenPciDevice } from '../open-pci-device.ts'
import { changePower } from '../power/power-state.ts'
import { resetByRegister } from '../reset/function-reset.ts'
import { AF, EXP, MSI, PM_CONTROL } from './capability-permissions.ts'

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
  const { device, hardware } = open
  const wanted = POWER_STATES[value & PM_CONTROL.STATE]!
  yield* setPower(device.strategy, device, wanted, () =>
    effect<PowerState>(`power to ${wanted}`, POWER_STATES, () => changePower(hardware, wanted)),
  )
}

/** No vector is ever enabled here, so neither the enable bit nor a vector count can be set by register. */
const writeMsi: RegisterHook = function* (write) {
  const { open, start, offset, widthBytes } = write
  yield* store(write)
  const flags = start + MSI.FLAGS
  if (offset > flags || offset + widthBytes <= flags) return
  yield* effect('MSI flags', [undefined], () => {
    const kept = open.config.copy(flags, 2) & ~(MSI.ENABLE | MSI.QUEUE_SIZE)
    open.config.setCopy(flags, 2, kept)
    open.hardware.writeConfig(flags, 2, kept)
  })
}

const writePciExpress: RegisterHook = function* (write) {
  const { open, start } = write
  yield* store(write)
  if (!takeBit(open, start + EXP.DEVICE_CONTROL, 2, EXP.FLR)) return
  const capabilities = open.hardware.readConfig(start + EXP.DEVICE_CAPABILITIES, 4)
  if ((capabilities & EXP.HAS_FLR) !== 0) yield* resetByRegister(open)
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
  [CAPABILITY_ID.msi, writeMsi],
  [CAPABILITY_ID.pciExpress, writePciExpress],
  [CAPABILITY_ID.advancedFeatures, writeAdvancedFeatures],
])
