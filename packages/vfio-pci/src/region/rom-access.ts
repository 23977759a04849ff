/**
 * The expansion ROM: reads of it, and whether there is one that can be read.
 *
 * What counts is the image, which is looked for at every use: with memory decoding off nothing answers, no
 * image is found, and a read fails with ENOMEM. The ROM of the first display was copied to memory, where
 * its image is always found, and only the read itself fails, with EIO. Behind the image, up to the end of
 * the BAR, bytes read ff. Kernel: `vfio_pci_bar_rw` for the ROM, `pci_map_rom`, `pci_get_rom_size`.
 */
import { type BarResource, isShadowRom, type PciHardware } from '@vfiokit/hardware'
import { effect, type Operation } from '@vfiokit/locking'
import { type Transfer, VfioError } from '@vfiokit/vfio-core'
import { COMMAND, HEADER } from '../config/register-permissions.ts'
import type { OpenPciDevice } from '../open-pci-device.ts'
import type { BarAccess } from './bar-access.ts'

const ROM_ENABLE = 1
const WIDEST_BYTES = 4
/** What an image and the data structure in it begin with. */
const IMAGE_SIGNATURE = 0xaa55
const DATA_SIGNATURE = 0x5249_4350
/** Offsets: in the image, where its data structure is; in that, how long it is and whether it is the last. */
const IMAGE = { HEADER_BYTES: 0x1a, DATA_POINTER: 0x18 } as const
const DATA = { BYTES: 0x16, LENGTH: 0x10, INDICATOR: 0x15 } as const
const LENGTH_UNIT_BYTES = 512
const LAST_IMAGE = 0x80

/** @returns how many bytes were read. */
export function* readRom(bars: BarAccess, transfer: Transfer, at: number): Operation<number> {
  const { device, hardware } = bars.open
  const rom = assignedRom(hardware)
  if (rom === undefined || at >= rom.sizeBytes)
    throw new VfioError('EINVAL', 'bad-offset', `0x${at.toString(16)} is outside the ROM of ${device.id}`)
  const imageBytes = yield* effect<number>('ROM image', [], () => imageBytesOf(hardware, rom))
  if (imageBytes === 0)
    throw new VfioError('ENOMEM', 'memory-disabled', `no image answers in the ROM of ${device.id}`)
  const window = {
    title: 'ROM',
    end: rom.sizeBytes,
    followsMemory: true,
    widestBytes: WIDEST_BYTES,
    excluded: { start: imageBytes, end: rom.sizeBytes },
    touch: (_: 'read' | 'write', offset: number, bytes: Uint8Array) =>
      decoded(hardware, rom, () => hardware.readBar('rom', offset, bytes)),
  } as const
  return yield* bars.transfer('read', transfer, window, at)
}

/**
 * Size of the ROM region: the whole BAR if there is an image in it, else 0.
 *
 * Looks for the image with memory decoding turned on for the moment and every reader kept out.
 */
export function* romRegionBytes({ device, hardware }: OpenPciDevice): Operation<number> {
  const rom = assignedRom(hardware)
  if (rom === undefined) return 0
  return yield* device.strategy.exclude(device, 'lock-only', () =>
    effect<number>('ROM trial', [0, rom.sizeBytes], () => {
      const command = hardware.readConfig(HEADER.COMMAND, 2)
      hardware.writeConfig(HEADER.COMMAND, 2, command | COMMAND.MEMORY)
      try {
        return imageBytesOf(hardware, rom) === 0 ? 0 : rom.sizeBytes
      } finally {
        hardware.writeConfig(HEADER.COMMAND, 2, command)
      }
    }),
  )
}

function assignedRom(hardware: PciHardware): BarResource | undefined {
  return hardware.resources.find(({ bar, start }) => bar === 'rom' && start !== 0n)
}

/** With the ROM's own enable bit set for the moment; the copy of a ROM in memory has none. */
function decoded<T>(hardware: PciHardware, rom: BarResource, use: () => T): T {
  if (isShadowRom(rom)) return use()
  const register = hardware.readConfig(HEADER.ROM, 4)
  hardware.writeConfig(HEADER.ROM, 4, (register | ROM_ENABLE) >>> 0)
  try {
    return use()
  } finally {
    hardware.writeConfig(HEADER.ROM, 4, register)
  }
}

/** Length of all images together; 0 when none is found. */
function imageBytesOf(hardware: PciHardware, rom: BarResource): number {
  return decoded(hardware, rom, () => {
    const read = (offset: number, widthBytes: 1 | 2 | 4): number => {
      let value = 0
      const byte = new Uint8Array(1)
      for (let at = widthBytes - 1; at >= 0; at--) {
        hardware.readBar('rom', offset + at, byte)
        value = value * 256 + byte[0]!
      }
      return value
    }
    let start = 0
    while (start + IMAGE.HEADER_BYTES <= rom.sizeBytes && read(start, 2) === IMAGE_SIGNATURE) {
      const data = start + read(start + IMAGE.DATA_POINTER, 2)
      if (data + DATA.BYTES > rom.sizeBytes || read(data, 4) !== DATA_SIGNATURE) break
      const lengthBytes = read(data + DATA.LENGTH, 2) * LENGTH_UNIT_BYTES
      start += lengthBytes
      if (lengthBytes === 0 || (read(data + DATA.INDICATOR, 1) & LAST_IMAGE) !== 0) break
    }
    return Math.min(start, rom.sizeBytes)
  })
}
