/**
 * The legacy VGA windows: memory and ports at fixed addresses, as one region whose offsets are those
 * addresses. Which function answers there is not looked at, and neither are its decode bits.
 *
 * Kernel: `vfio_pci_vga_rw`.
 */
import type { PciHardware } from '@vfiokit/hardware'
import type { Operation } from '@vfiokit/locking'
import { type Transfer, VfioError } from '@vfiokit/vfio-core'
import { type AccessWindow, type BarAccess, type Direction, NOTHING_EXCLUDED } from './bar-access.ts'

/** Size of the region: up to the end of the last window. */
export const VGA_REGION_BYTES = 0xc_0000
/** Class and subclass of a display that is compatible with VGA. */
const VGA_CLASS = 0x0300

const WINDOWS = [
  { title: 'VGA memory', start: 0xa_0000, end: 0xc_0000 },
  { title: 'monochrome ports', start: 0x3b0, end: 0x3bc },
  { title: 'colour ports', start: 0x3c0, end: 0x3e0 },
] as const

/** Whether a function has the region. */
export function hasVga({ identity }: PciHardware): boolean {
  return identity.classCode >>> 8 === VGA_CLASS
}

/**
 * Moves bytes between a window and the user.
 *
 * @returns how many: fewer than asked for at the end of the window.
 * @throws VfioError EINVAL outside the windows, and of a function that is no VGA.
 */
export function accessVga(
  direction: Direction,
  bars: BarAccess,
  transfer: Transfer,
  at: number,
): Operation<number> {
  const { hardware, device, profile } = bars.open
  const found = hasVga(hardware) ? WINDOWS.find(({ start, end }) => at >= start && at < end) : undefined
  if (found === undefined)
    throw new VfioError('EINVAL', 'bad-offset', `${device.id} has no VGA at 0x${at.toString(16)}`)
  const window: AccessWindow = {
    title: found.title,
    end: found.end,
    followsMemory: false,
    widestBytes: profile.vgaAccessMaxBytes,
    excluded: NOTHING_EXCLUDED,
    touch: (way, offset, bytes) =>
      way === 'read' ? hardware.readVga(offset, bytes) : hardware.writeVga(offset, bytes),
  }
  return bars.transfer(direction, transfer, window, at)
}
