/**
 * Reads and writes of the CONFIG region, and what some registers set in motion.
 *
 *   command     memory off zaps; on only excludes readers
 *   PM control  D3hot zaps
 *   FLR bits    a function reset, as by ioctl but by any method
 *
 * Kernel: `vfio_pci_config_rw`, `vfio_config_do_rw` and the write hooks beside them.
 */
import type { ConfigWidth, PowerState } from '@vfiokit/hardware'
import { effect, type Operation, setMemoryEnabled, setPower, type VfioErrno } from '@vfiokit/locking'
import { CAPABILITY_ID } from '@vfiokit/topology'
import { copyFromUser, copyToUser, lengthOf, type Transfer, VfioError } from '@vfiokit/vfio-core'
import type { OpenPciDevice } from '../open-pci-device.ts'
import { resetByRegister } from '../reset/function-reset.ts'
import { BarRegisters } from './bar-registers.ts'
import { AF, COMMAND, EXP, HEADER, PM_CONTROL } from './register-permissions.ts'
import { capabilityOffset } from './virtual-config.ts'

const POWER: readonly PowerState[] = ['D0', 'D1', 'D2', 'D3hot']

/** Reads configuration space; too long a read transfers nothing. @returns bytes read */
export function* readConfig(open: OpenPciDevice, transfer: Transfer, at: number): Operation<number> {
  const count = checkedCount(open, transfer, at)
  for (let done = 0; done < count; ) {
    const offset = at + done
    const widthBytes = open.config.accessBytes(offset, count - done)
    const bytes = new Uint8Array(4)
    yield* effect('config read', [undefined], () => {
      if (BarRegisters.covers(offset)) open.barRegisters.refresh()
      new DataView(bytes.buffer).setUint32(0, open.config.read(offset, widthBytes), true)
    })
    yield* copyToUser(transfer.process, transfer.buffer, done, bytes.subarray(0, widthBytes))
    done += widthBytes
  }
  return count
}

/** Writes configuration space. @returns bytes written, those that were dropped included */
export function* writeConfig(open: OpenPciDevice, transfer: Transfer, at: number): Operation<number> {
  const count = checkedCount(open, transfer, at)
  for (let done = 0; done < count; ) {
    const offset = at + done
    const widthBytes = open.config.accessBytes(offset, count - done)
    const bytes = new Uint8Array(4)
    yield* copyFromUser(transfer.process, transfer.buffer, done, bytes.subarray(0, widthBytes))
    yield* writeRegister(open, offset, widthBytes, new DataView(bytes.buffer).getUint32(0, true))
    done += widthBytes
  }
  return count
}

function checkedCount(open: OpenPciDevice, { buffer }: Transfer, at: number): number {
  const count = lengthOf(buffer)
  if (at + count <= open.config.sizeBytes) return count
  throw new VfioError(
    'EFAULT',
    'bad-offset',
    `${count} bytes at 0x${at.toString(16)} leave configuration space`,
  )
}

/** A write whose first byte is the register's has consequences; others are stored only. */
function* writeRegister(
  open: OpenPciDevice,
  offset: number,
  widthBytes: ConfigWidth,
  value: number,
): Operation<void> {
  if (offset === HEADER.COMMAND) return yield* writeCommand(open, widthBytes, value)
  const hook = open.registerHooks.get(offset)
  if (hook !== undefined) return yield* hook(open, offset, widthBytes, value)
  yield* effect('config write', [undefined], () => {
    open.config.write(offset, widthBytes, value)
    if (BarRegisters.covers(offset)) open.barRegisters.noteWrite()
  })
}

function* writeCommand(open: OpenPciDevice, widthBytes: ConfigWidth, value: number): Operation<void> {
  const { device, hardware, config, barRegisters } = open
  const command = widthBytes === 1 ? value & 0xff : value & 0xffff
  const enabled = (command & COMMAND.MEMORY) !== 0
  yield* setMemoryEnabled(device.strategy, device, enabled, () =>
    effect<VfioErrno | undefined>('command write', [undefined], () => {
      const gains = command & ~hardware.readConfig(HEADER.COMMAND, 2) & (COMMAND.MEMORY | COMMAND.IO)
      const lost = gains & config.copy(HEADER.COMMAND, 2)
      if (lost !== 0 || barRegisters.needRestore) barRegisters.restore()
      config.write(HEADER.COMMAND, widthBytes, value)
      open.setVirtualIo((command & COMMAND.IO) !== 0)
      return undefined
    }),
  )
}

/** What a register with consequences does with a write. */
export type RegisterHook = (
  open: OpenPciDevice,
  offset: number,
  widthBytes: ConfigWidth,
  value: number,
) => Operation<void>

/** The hooks of one function, by the offset of their register. */
export function registerHooks(open: Pick<OpenPciDevice, 'hardware'>): ReadonlyMap<number, RegisterHook> {
  const hooks = new Map<number, RegisterHook>()
  const add = (id: number, register: number, hook: RegisterHook) => {
    const start = capabilityOffset(open.hardware, id)
    if (start !== undefined) hooks.set(start + register, hook)
  }
  add(CAPABILITY_ID.powerManagement, PM_CONTROL.OFFSET, writePowerControl)
  add(CAPABILITY_ID.pciExpress, EXP.DEVICE_CONTROL, writeDeviceControl)
  add(CAPABILITY_ID.advancedFeatures, AF.CONTROL, writeAdvancedFeatures)
  return hooks
}

const writePowerControl: RegisterHook = function* (open, offset, widthBytes, value) {
  const { device, config, hardware } = open
  yield* effect('config write', [undefined], () => config.write(offset, widthBytes, value))
  const wanted = POWER[value & PM_CONTROL.STATE]!
  yield* setPower(device.strategy, device, wanted, () =>
    effect<PowerState>(`power to ${wanted}`, POWER, () => {
      const others = hardware.readConfig(offset, 2) & ~PM_CONTROL.STATE
      hardware.writeConfig(offset, 2, others | (value & PM_CONTROL.STATE))
      return hardware.powerState
    }),
  )
}

const writeDeviceControl: RegisterHook = function* (open, offset, widthBytes, value) {
  const capabilities = open.hardware.readConfig(offset - EXP.DEVICE_CONTROL + EXP.DEVICE_CAPABILITIES, 4)
  const hasFlr = (capabilities & EXP.HAS_FLR) !== 0
  yield* effect('config write', [undefined], () => open.config.write(offset, widthBytes, value))
  if (!takeFlrBit(open, offset, EXP.FLR)) return
  if (hasFlr) yield* resetByRegister(open)
}

const writeAdvancedFeatures: RegisterHook = function* (open, offset, widthBytes, value) {
  const capabilities = open.hardware.readConfig(offset - AF.CONTROL + AF.CAPABILITIES, 1)
  yield* effect('config write', [undefined], () => open.config.write(offset, widthBytes, value))
  if (!takeFlrBit(open, offset, AF.FLR)) return
  if ((capabilities & AF.HAS_TP_AND_FLR) === AF.HAS_TP_AND_FLR) yield* resetByRegister(open)
}

/** The bit reads 0 whatever happens; whether it was set is what counts. */
function takeFlrBit({ config }: OpenPciDevice, offset: number, bit: number): boolean {
  const widthBytes = bit > 0xff ? 2 : 1
  const copy = config.copy(offset, widthBytes)
  config.setCopy(offset, widthBytes, copy & ~bit)
  return (copy & bit) !== 0
}
