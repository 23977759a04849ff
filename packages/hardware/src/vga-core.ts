/**
 * VgaCore: the legacy addresses of a VGA function in text mode. The text window shows characters and attributes,
 * which are the first two of each four bytes of video memory; the graphics window is not mapped. Ports read as
 * measured; index ports store. Reading port 0x3da makes port 0x3c0 show its index until it is written.
 */
import type { ProfiledVga } from './register-profile.ts'

interface VideoMemory {
  read(offset: number, out: Uint8Array): void
  write(offset: number, data: Uint8Array): void
}

const TEXT_START = 0xb8000
const TEXT_END = 0xc0000
const ATTRIBUTE_INDEX = 0x3c0
const INPUT_STATUS = 0x3da
const INDEX_PORTS: ReadonlySet<number> = new Set([0x3c4, 0x3ce, 0x3d4])

export class VgaCore {
  readonly #ports: Map<number, number>
  readonly #memory: VideoMemory
  #showsIndex = false

  constructor(profile: ProfiledVga, memory: VideoMemory) {
    this.#ports = new Map(profile.ports)
    this.#memory = memory
  }

  read(address: number, out: Uint8Array): void {
    for (let byte = 0; byte < out.length; byte += 1) out[byte] = this.#readByte(address + byte)
  }

  write(address: number, data: Uint8Array): void {
    for (const [byte, value] of data.entries()) this.#writeByte(address + byte, value)
  }

  #readByte(address: number): number {
    if (address >= TEXT_START && address < TEXT_END) {
      const byte = new Uint8Array(1)
      this.#memory.read(textOffset(address), byte)
      return byte[0]!
    }
    if (address === ATTRIBUTE_INDEX && !this.#showsIndex) return 0
    if (address === INPUT_STATUS) this.#showsIndex = true
    return this.#ports.get(address) ?? 0xff
  }

  #writeByte(address: number, value: number): void {
    if (address >= TEXT_START && address < TEXT_END)
      this.#memory.write(textOffset(address), Uint8Array.of(value))
    else if (address === ATTRIBUTE_INDEX) this.#showsIndex = false
    else if (INDEX_PORTS.has(address)) this.#ports.set(address, value)
  }
}

function textOffset(address: number): number {
  const at = address - TEXT_START
  return 4 * (at >>> 1) + (at & 1)
}
