/** A table of registers as two masks, a byte for each byte of what they belong to. Kernel: `struct perm_bits`. */
import type { ConfigWidth } from '@vfiokit/hardware'
import type { RegisterPermission } from './register-permissions.ts'

/** Virtual and writable bits; behind the last register no bit is either. */
export class PermissionBits {
  readonly #virtual: Uint8Array
  readonly #writable: Uint8Array

  constructor(registers: readonly RegisterPermission[]) {
    const bytes = Math.max(0, ...registers.map(({ offset, widthBytes }) => offset + widthBytes))
    this.#virtual = new Uint8Array(bytes)
    this.#writable = new Uint8Array(bytes)
    for (const { offset, widthBytes, virtual, writable } of registers)
      for (let at = 0; at < widthBytes; at++) {
        this.#virtual[offset + at] = (virtual >>> (8 * at)) & 0xff
        this.#writable[offset + at] = (writable >>> (8 * at)) & 0xff
      }
  }

  virtual(offset: number, widthBytes: ConfigWidth): number {
    return littleEndian(this.#virtual, offset, widthBytes)
  }

  writable(offset: number, widthBytes: ConfigWidth): number {
    return littleEndian(this.#writable, offset, widthBytes)
  }
}

function littleEndian(bytes: Uint8Array, offset: number, widthBytes: ConfigWidth): number {
  let value = 0
  for (let at = widthBytes - 1; at >= 0; at--) value = value * 256 + (bytes[offset + at] ?? 0)
  return value
}
