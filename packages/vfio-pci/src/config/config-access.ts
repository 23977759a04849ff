/**
 * Reads and writes of the CONFIG region: cut into single accesses, each to the register it falls on.
 *
 *   command        memory off zaps; on only excludes readers
 *   a capability   may have a hook of its own: see capability-writes
 *   anything else  is stored, passed on or dropped, as the tables say
 *
 * Kernel: `vfio_pci_config_rw`, `vfio_config_do_rw`, `vfio_basic_config_read/write`.
 */
import type { ConfigWidth } from '@vfiokit/hardware'
import { effect, type Operation, setMemoryEnabled, type VfioErrno } from '@vfiokit/locking'
import { copyFromUser, copyToUser, lengthOf, type Transfer, VfioError } from '@vfiokit/vfio-core'
import type { OpenPciDevice } from '../open-pci-device.ts'
import { BarRegisters } from './bar-registers.ts'
import { CAPABILITY_WRITES } from './capability-writes.ts'
import { COMMAND, HEADER } from './register-permissions.ts'

/** Reads configuration space; too long a read transfers nothing. @returns bytes read */
export function* readConfig(open: OpenPciDevice, transfer: Transfer, at: number): Operation<number> {
  const count = checkedCount(open, transfer, at)
  for (let done = 0; done < count; ) {
    const offset = at + done
    const widthBytes = open.config.accessBytes(offset, count - done)
    const bytes = new Uint8Array(4)
    yield* effect('config read', [undefined], () =>
      new DataView(bytes.buffer).setUint32(0, readRegister(open, offset, widthBytes), true),
    )
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

/** What a user reads in one access. */
export function readRegister(open: OpenPciDevice, offset: number, widthBytes: ConfigWidth): number {
  const { config, barRegisters } = open
  if (!config.isHeader(offset)) return config.read(offset, widthBytes)
  if (BarRegisters.covers(offset)) barRegisters.refresh()
  const value = config.read(offset, widthBytes)
  // A virtual function has no memory-enable bit in hardware: the virtual one shows through.
  if (offset !== HEADER.COMMAND || !open.ignoresMemoryBit) return value
  return value | (config.copy(HEADER.COMMAND, 1) & COMMAND.MEMORY)
}

function* writeRegister(
  open: OpenPciDevice,
  offset: number,
  widthBytes: ConfigWidth,
  value: number,
): Operation<void> {
  const { config } = open
  if (config.isHeader(offset)) return yield* writeHeader(open, offset, widthBytes, value)
  const claim = config.claimedBy(offset)
  const hook = claim === undefined || claim.extended ? undefined : CAPABILITY_WRITES.get(claim.id)
  if (claim !== undefined && hook !== undefined)
    return yield* hook({ open, start: claim.start, offset, widthBytes, value })
  yield* effect('config write', [undefined], () => config.write(offset, widthBytes, value))
}

function* writeHeader(
  open: OpenPciDevice,
  offset: number,
  widthBytes: ConfigWidth,
  value: number,
): Operation<void> {
  if (offset === HEADER.COMMAND) yield* writeCommand(open, widthBytes, value)
  else
    yield* effect('config write', [undefined], () => {
      open.config.write(offset, widthBytes, value)
      if (BarRegisters.covers(offset)) open.barRegisters.noteWrite()
    })
  // After the memory lock is given back: what masks interrupts has a lock of its own, outside it.
  if (offset === HEADER.COMMAND || offset === HEADER.COMMAND + 1)
    yield* open.interrupts.follow(open.wantsNoIntx)
}

/** Only an access that begins at the register is one of the command; a byte written at 5 is just stored. */
function* writeCommand(open: OpenPciDevice, widthBytes: ConfigWidth, value: number): Operation<void> {
  const { device, hardware, config, barRegisters } = open
  const command = widthBytes === 1 ? value & 0xff : value & 0xffff
  const enabled = (command & COMMAND.MEMORY) !== 0
  // What says that somebody reset the function: a bit that is on for the user is off in hardware.
  const telling = COMMAND.IO | (open.ignoresMemoryBit ? 0 : COMMAND.MEMORY)
  yield* setMemoryEnabled(device.strategy, device, enabled, () =>
    effect<VfioErrno | undefined>('command write', [undefined], () => {
      const gains = command & ~hardware.readConfig(HEADER.COMMAND, 2) & telling
      const lost = gains & config.copy(HEADER.COMMAND, 2)
      if (lost !== 0 || barRegisters.needRestore) open.restoreRegisters()
      config.write(HEADER.COMMAND, widthBytes, value)
      open.setVirtualIo((command & COMMAND.IO) !== 0)
      return undefined
    }),
  )
}
