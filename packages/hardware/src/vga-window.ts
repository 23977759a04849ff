/**
 * The legacy VGA addresses: one memory window and two of ports. Whether they reach a function is up to the host's
 * arbiter, which turns decoding on for each access; they answered with both COMMAND bits off (measured).
 */
const WINDOWS: readonly { readonly start: number; readonly end: number }[] = [
  { start: 0xa0000, end: 0xc0000 },
  { start: 0x3b0, end: 0x3bc },
  { start: 0x3c0, end: 0x3e0 },
]

/** @throws RangeError for an access of another length than 1, 2, 4 or 8, or not inside one window. */
export function checkVgaAccess(address: number, length: number): void {
  if (length !== 1 && length !== 2 && length !== 4 && length !== 8)
    throw new RangeError(`access of ${length} bytes: expected 1, 2, 4 or 8`)
  const isInside = WINDOWS.some(({ start, end }) => address >= start && address + length <= end)
  if (!isInside || !Number.isInteger(address))
    throw new RangeError(`${length} bytes at ${address.toString(16)}: not inside a legacy VGA window`)
}
