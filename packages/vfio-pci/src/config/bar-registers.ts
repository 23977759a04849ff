/**
 * BAR registers as a user sees them: every write lands in the copy, every read shows a decodable value.
 *
 * So the sizing protocol works, and no address of a guest ever reaches the hardware. Kernel:
 * `vfio_bar_fixup`, `vfio_bar_restore`, `vfio_need_bar_restore`.
 */
import type { BarResource, PciHardware } from '@vfiokit/hardware'
import { HEADER } from './register-permissions.ts'
import type { VirtualConfig } from './virtual-config.ts'

const REGISTERS: readonly number[] = [0x10, 0x14, 0x18, 0x1c, 0x20, 0x24, HEADER.ROM]
const LOW_32 = 0xffff_ffffn
const ROM_ENABLE = 1
const IO_SPACE = 1
const WIDE = 4
const PREFETCHABLE = 8

/** The BARs of one open device. */
export class BarRegisters {
  /** Written since the last read: the copy holds what the user wrote. */
  #dirty = false
  #resources: readonly BarResource[]
  #replaced: readonly BarResource[] = []
  /** What the registers held at open, to be put back after a reset that vfio did not do. */
  readonly #host: readonly number[]

  constructor(
    readonly hardware: PciHardware,
    readonly config: VirtualConfig,
  ) {
    this.#resources = hardware.resources
    this.#host = REGISTERS.map((offset) => hardware.readConfig(offset, 4))
    this.fixUp()
  }

  /** Whether an access touches a BAR or the ROM register. */
  static covers(offset: number): boolean {
    return (
      (offset >= HEADER.BAR0 && offset < HEADER.BAR0 + 24) ||
      (offset >= HEADER.ROM && offset < HEADER.ROM + 4)
    )
  }

  noteWrite(): void {
    this.#dirty = true
  }

  /** BARs that a variant driver has in place of the function's, or besides. */
  replace(bars: readonly BarResource[]): void {
    const replaced = new Set(bars.map(({ bar }) => bar))
    this.#resources = [...this.hardware.resources.filter(({ bar }) => !replaced.has(bar)), ...bars]
    this.#replaced = bars
    this.forgetReplaced()
  }

  /** Their registers as they were at open. Kernel: what variant drivers do before a reset. */
  forgetReplaced(): void {
    for (const { bar, width } of this.#replaced)
      for (let at = 0; at < width / 32; at++)
        this.config.setCopy(HEADER.BAR0 + 4 * ((bar as number) + at), 4, 0)
    this.fixUp()
  }

  /** Before a read: makes the copy decodable again. */
  refresh(): void {
    if (this.#dirty) this.fixUp()
    this.#dirty = false
  }

  /** Masks every register with its size and puts its type bits in. */
  fixUp(): void {
    const assigned = this.#resources.filter((each) => each.start !== 0n || this.#replaced.includes(each))
    const byBar = new Map(assigned.map((resource) => [resource.bar, resource]))
    for (let bar = 0; bar < 6; bar++) {
      const resource = byBar.get(bar as BarResource['bar'])
      const offset = HEADER.BAR0 + 4 * bar
      if (resource === undefined) {
        this.config.setCopy(offset, 4, 0)
        continue
      }
      const mask = ~BigInt(resource.sizeBytes - 1)
      const low = Number(BigInt(this.config.copy(offset, 4)) & mask & LOW_32) | typeBits(resource)
      this.config.setCopy(offset, 4, low)
      // The register is asked, as in the kernel: in one of four ports it may be a bit of the address.
      if ((low & WIDE) === 0 || bar === 5) continue
      bar++
      const high = BigInt(this.config.copy(offset + 4, 4)) & (mask >> 32n) & LOW_32
      this.config.setCopy(offset + 4, 4, Number(high))
    }
    this.#fixUpRom(byBar.get('rom'))
  }

  /** Whether a reset behind vfio's back took the addresses away. The ROM is not looked at. */
  get needRestore(): boolean {
    return REGISTERS.some((offset, at) => {
      const host = this.#host[at]!
      return offset !== HEADER.ROM && host !== 0 && this.hardware.readConfig(offset, 4) !== host
    })
  }

  /** Writes the host's addresses back. The BARs of a virtual function are no registers of its own. */
  restore(): void {
    if (this.hardware.identity.physfn !== undefined) return
    for (const [at, offset] of REGISTERS.entries()) this.hardware.writeConfig(offset, 4, this.#host[at]!)
  }

  #fixUpRom(rom: BarResource | undefined): void {
    if (rom === undefined) return this.config.setCopy(HEADER.ROM, 4, 0)
    const kept = (~(rom.sizeBytes - 1) | ROM_ENABLE) >>> 0
    this.config.setCopy(HEADER.ROM, 4, (this.config.copy(HEADER.ROM, 4) & kept) >>> 0)
  }
}

function typeBits(resource: BarResource): number {
  if (resource.kind === 'io') return IO_SPACE
  return (resource.prefetchable ? PREFETCHABLE : 0) | (resource.width === 64 ? WIDE : 0)
}
