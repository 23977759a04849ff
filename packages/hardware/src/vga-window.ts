/** The legacy VGA addresses: one memory window and two of ports, decoded by whichever function has the VGA core. */
import { COMMAND_IO, COMMAND_MEMORY } from './register-layout.ts'

interface VgaWindow {
  readonly start: number
  readonly end: number
  /** The COMMAND bit that lets a function decode it. */
  readonly enable: number
}

const WINDOWS: readonly VgaWindow[] = [
  { start: 0xa0000, end: 0xc0000, enable: COMMAND_MEMORY },
  { start: 0x3b0, end: 0x3bc, enable: COMMAND_IO },
  { start: 0x3c0, end: 0x3e0, enable: COMMAND_IO },
]

/** @throws RangeError for an access of another length than 1, 2, 4 or 8, or not inside one window. */
export function vgaWindow(address: number, length: number): VgaWindow {
  if (length !== 1 && length !== 2 && length !== 4 && length !== 8)
    throw new RangeError(`access of ${length} bytes: expected 1, 2, 4 or 8`)
  const window = WINDOWS.find(({ start, end }) => address >= start && address + length <= end)
  if (window === undefined || !Number.isInteger(address))
    throw new RangeError(`${length} bytes at ${address.toString(16)}: not inside a legacy VGA window`)
  return window
}
