/**
 * Reads of the expansion ROM: decoding is turned on for the moment, in accesses of at most 4 bytes.
 *
 * Without memory decoding the image cannot even be looked for, and the read fails with ENOMEM. Kernel:
 * `vfio_pci_bar_rw` for the ROM, `pci_map_rom`.
 */
import { effect, type Operation } from '@vfiokit/locking'
import { copyToUser, lengthOf, type Transfer, VfioError } from '@vfiokit/vfio-core'
import { HEADER } from '../config/register-permissions.ts'
import type { OpenPciDevice } from '../open-pci-device.ts'

const ROM_ENABLE = 1
const WIDEST_BYTES = 4

/** @returns how many bytes were read. */
export function* readRom(open: OpenPciDevice, transfer: Transfer, at: number): Operation<number> {
  const rom = open.hardware.resources.find(({ bar }) => bar === 'rom')
  if (rom === undefined || at >= rom.sizeBytes)
    throw new VfioError(
      'EINVAL',
      'bad-offset',
      `0x${at.toString(16)} is outside the ROM of ${open.device.id}`,
    )
  if (!open.device.cells.accessible.peek())
    throw new VfioError('ENOMEM', 'memory-disabled', `the ROM of ${open.device.id} cannot be reached`)
  const count = Math.min(lengthOf(transfer.buffer), rom.sizeBytes - at)
  const bytes = new Uint8Array(count)
  yield* effect('ROM read', [undefined], () => copyRom(open, at, bytes))
  yield* copyToUser(transfer.process, transfer.buffer, 0, bytes)
  return count
}

function copyRom({ hardware }: OpenPciDevice, at: number, bytes: Uint8Array): void {
  const register = hardware.readConfig(HEADER.ROM, 4)
  hardware.writeConfig(HEADER.ROM, 4, (register | ROM_ENABLE) >>> 0)
  for (let done = 0; done < bytes.length; ) {
    const offset = at + done
    const left = Math.min(WIDEST_BYTES, bytes.length - done)
    const width = [4, 2, 1].find((each) => each <= left && offset % each === 0)!
    hardware.readBar('rom', offset, bytes.subarray(done, done + width))
    done += width
  }
  hardware.writeConfig(HEADER.ROM, 4, register)
}
