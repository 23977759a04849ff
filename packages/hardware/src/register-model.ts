/**
 * RegisterModel: the device of a register profile: its BARs, ROM and VGA core, and what each reset does to them.
 *
 * | BAR class | |
 * |---|---|
 * | registers | {@link RegisterBar} |
 * | ram | bytes that are stored |
 * | alias | the registers of another BAR up to a limit, zeros above |
 * | ioaddr | at 0 an address, at 4 the register of another BAR at that address |
 */
import type { BarIndex } from '@vfiokit/topology'
import { BarMemory } from './bar-memory.ts'
import type { DeviceModel, DeviceModelFactory, ModelBoard, ResetEvent } from './device-model.ts'
import { RegisterBar } from './register-bar.ts'
import type { ProfiledBar, RegisterProfile } from './register-profile.ts'
import { romImage } from './rom-image.ts'
import { VgaCore } from './vga-core.ts'

/** One BAR of a model. */
interface BarModel {
  read(offset: number, out: Uint8Array): void
  write(offset: number, data: Uint8Array): void
  reset(event: ResetEvent): void
}

/** Makes the models of the devices that a profile is for; others are left to the next factory. */
export function registerModels(profiles: readonly RegisterProfile[]): DeviceModelFactory {
  const byId = new Map(profiles.map((profile) => [`${profile.vendorId}:${profile.deviceId}`, profile]))
  return ({ identity, resources }) => {
    const profile = byId.get(`${identity.vendorId}:${identity.deviceId}`)
    return profile && new RegisterModel(profile, resources)
  }
}

export class RegisterModel implements DeviceModel {
  readonly #bars: Map<number, BarModel> = new Map()
  readonly #rom: Uint8Array
  readonly #vga: VgaCore | undefined

  constructor(profile: RegisterProfile, resources: ModelBoard['resources']) {
    const narrow = { read: profile.narrowRead, write: profile.narrowWrite }
    const sizeOf = (bar: number): number => resources.find((each) => each.bar === bar)?.sizeBytes ?? 0
    for (const bar of profile.bars.filter(({ class: kind }) => kind === 'registers'))
      this.#bars.set(bar.bar, new RegisterBar(bar, narrow))
    for (const bar of profile.bars) {
      if (bar.class === 'ram' && sizeOf(bar.bar) > 0) this.#bars.set(bar.bar, ramBar(bar, sizeOf(bar.bar)))
      if (bar.class === 'alias') this.#bars.set(bar.bar, this.#alias(bar))
      if (bar.class === 'ioaddr') this.#bars.set(bar.bar, this.#window(bar))
    }
    this.#rom = romImage(profile.rom?.imageBytes ?? 0, profile.rom?.first ?? new Uint8Array())
    const vram = this.#bars.get(0)
    this.#vga = profile.vga && vram && new VgaCore(profile.vga, vram)
    if (this.#vga === undefined) return
    const core = this.#vga
    this.readVga = (address, out) => core.read(address, out)
    this.writeVga = (address, data) => core.write(address, data)
  }

  /** Absent without a VGA core. */
  readonly readVga?: (address: number, out: Uint8Array) => void
  readonly writeVga?: (address: number, data: Uint8Array) => void

  readBar(bar: BarIndex | 'rom', offset: number, out: Uint8Array): void {
    if (bar === 'rom') this.#readRom(offset, out)
    else {
      const model = this.#bars.get(bar)
      if (model === undefined) out.fill(0)
      else model.read(offset, out)
    }
  }

  writeBar(bar: BarIndex, offset: number, data: Uint8Array): void {
    this.#bars.get(bar)?.write(offset, data)
  }

  reset(event: ResetEvent): void {
    for (const bar of this.#bars.values()) bar.reset(event)
  }

  /** The image, then ones. */
  #readRom(offset: number, out: Uint8Array): void {
    for (let byte = 0; byte < out.length; byte += 1) out[byte] = this.#rom[offset + byte] ?? 0xff
  }

  #alias({ of, limit }: ProfiledBar): BarModel {
    const end = limit ?? Number.POSITIVE_INFINITY
    return {
      read: (offset, out) => {
        if (offset < end) this.readBar(of as BarIndex, offset, out)
        else out.fill(0)
      },
      write: (offset, data) => {
        if (offset < end) this.writeBar(of as BarIndex, offset, data)
      },
      reset: () => {},
    }
  }

  #window({ of }: ProfiledBar): BarModel {
    const address = new BarMemory(4)
    const current = (): number => {
      const bytes = new Uint8Array(4)
      address.read(0, bytes)
      return new DataView(bytes.buffer).getUint32(0, true)
    }
    return {
      read: (offset, out) => {
        out.fill(0)
        if (offset + out.length <= 4) address.read(offset, out)
        else if (offset === 4) this.readBar(of as BarIndex, current(), out)
      },
      write: (offset, data) => {
        if (offset + data.length <= 4) address.write(offset, data)
        else if (offset === 4) this.writeBar(of as BarIndex, current(), data)
      },
      reset: () => {},
    }
  }
}

function ramBar({ bytes, clearedBy }: ProfiledBar, sizeBytes: number): BarModel {
  const memory = new BarMemory(sizeBytes)
  const fill = (): void => {
    for (const { offset, end, pattern } of bytes) {
      const all = Uint8Array.from({ length: end - offset }, (_, at) => pattern[at % pattern.length]!)
      memory.write(offset, all)
    }
  }
  fill()
  return {
    read: (offset, out) => memory.read(offset, out),
    write: (offset, data) => memory.write(offset, data),
    reset: (event) => {
      if (!clearedBy.includes(event)) return
      memory.clear()
      fill()
    },
  }
}
