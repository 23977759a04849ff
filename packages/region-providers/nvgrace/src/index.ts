/**
 * A variant driver for GPUs whose memory is memory of the host: users find it in BARs that the device does not
 * have. After `nvgrace-gpu-vfio-pci`.
 *
 *   BAR 2  the end of the memory, for the driver of the guest
 *   BAR 4  the rest of it
 *
 * BARs have sizes of powers of two and memory has not: what is behind reads as ones and cannot be mapped.
 * @packageDocumentation
 */
import {
  type BarIndex,
  type BarReplacement,
  definePlugin,
  type MapPlace,
  type Plugin,
  type RegionBar,
  type RegionHost,
  type Variant,
  type VariantDriver,
  type VfioErrno,
} from '@vfiokit/plugin'

const NVIDIA = 0x10de
const DISPLAY_3D = 0x0302
/** Kernel: `VFIO_DEVICE_IOEVENTFD`, which looks at BARs of the device alone. */
const IOEVENTFD = 0x3b74

/** Numbers of firmware: where the memory of the GPU is, and how much there is. */
export const PROPERTY = {
  MEMORY_BASE: 'nvidia,gpu-mem-base-pa',
  MEMORY_BYTES: 'nvidia,gpu-mem-size',
} as const

/** At least so much is kept for BAR 2; the rest ends at a whole block. */
export const RESERVED_BYTES: number = 2 ** 30
/** What guests can add and remove memory by. */
export const BLOCK_BYTES: number = 2 ** 29

/** Registers of BAR 0 that say whether memory can be used, and the value that says so. */
export const READINESS = { LINK: 0x1498, TRAINING: 0x200bc, READY: 0xff } as const
const POLLS_MAX = 30

/** Memory of the GPU in BARs. */
export const nvgrace: VariantDriver = {
  name: 'nvgrace',
  matches: ({ vendorId, classCode }) => vendorId === NVIDIA && classCode >>> 8 === DISPLAY_3D,

  /** Without the numbers of firmware it is a GPU with memory of its own, as any other. */
  open(host) {
    const base = host.property(PROPERTY.MEMORY_BASE)
    const size = host.property(PROPERTY.MEMORY_BYTES)
    if (base === undefined || size === undefined) return {}
    const usable = Math.floor((Number(size) - RESERVED_BYTES) / BLOCK_BYTES) * BLOCK_BYTES
    if (usable <= 0)
      throw new RangeError(`${size} bytes of memory leave none beside the ${RESERVED_BYTES} kept`)
    return withMemory(host, [
      { bar: 2, base: base + BigInt(usable), sizeBytes: Number(size) - usable },
      { bar: 4, base, sizeBytes: usable },
    ])
  },
}

/** Memory that is shown as a BAR. */
interface Part {
  readonly bar: BarIndex
  readonly base: bigint
  readonly sizeBytes: number
}

function withMemory(host: RegionHost, parts: readonly Part[]): Variant {
  const readiness = new Readiness(host.bar(0))
  return {
    bars: Object.fromEntries(parts.map((part) => [part.bar, fakeBar(host, part, readiness)])),
    ioctl: (request) => (request === IOEVENTFD ? 'ENOTTY' : undefined),
    resetDone: () => readiness.forget(),
  }
}

function fakeBar(host: RegionHost, { base, sizeBytes }: Part, readiness: Readiness): BarReplacement {
  const memory = host.physical(base, sizeBytes)
  const barBytes = 2 ** Math.ceil(Math.log2(sizeBytes))
  /** How many of so many bytes are memory. */
  const inside = (offset: number, length: number) => Math.max(0, Math.min(length, sizeBytes - offset))
  return {
    sizeBytes: barBytes,
    register: { kind: 'memory', width: 64, prefetchable: true, sizeBytes: barBytes },
    ...(barBytes === sizeBytes ? {} : { sparse: [{ offset: 0, sizeBytes }] }),

    read(offset, out): VfioErrno | undefined {
      if (!readiness.isReady()) return 'ETIME'
      const count = inside(offset, out.length)
      if (count > 0) memory.read(offset, out.subarray(0, count))
      out.fill(0xff, count)
      return undefined
    },

    write(offset, data): VfioErrno | undefined {
      if (!readiness.isReady()) return 'ETIME'
      const count = inside(offset, data.length)
      if (count > 0) memory.write(offset, data.subarray(0, count))
      return undefined
    },

    mmap: (place) => refusal(base, sizeBytes, place),
    backing: 'physical',
    fault: (offset) =>
      offset < sizeBytes && readiness.isReady() ? { physical: base + BigInt(offset) } : undefined,
  }
}

const ADDRESS_END = 2n ** 64n

function refusal(base: bigint, sizeBytes: number, { offset, lengthBytes }: MapPlace): VfioErrno | undefined {
  if (base + BigInt(offset) + BigInt(lengthBytes) > ADDRESS_END) return 'EOVERFLOW'
  return offset + lengthBytes > sizeBytes ? 'EINVAL' : undefined
}

/** Whether memory can be used: asked again after each reset, by whoever is the first to need it. */
class Readiness {
  #isKnown = false

  constructor(readonly registers: RegionBar) {}

  forget(): void {
    this.#isKnown = false
  }

  isReady(): boolean {
    for (let poll = 0; !this.#isKnown && poll < POLLS_MAX; poll++)
      this.#isKnown = this.#holds(READINESS.LINK) && this.#holds(READINESS.TRAINING)
    return this.#isKnown
  }

  #holds(register: number): boolean {
    const value = new Uint8Array(4)
    this.registers.read(register, value)
    return new DataView(value.buffer).getUint32(0, true) === READINESS.READY
  }
}

/** What a host loads. */
const plugin: Plugin = definePlugin({
  name: '@vfiokit/region-nvgrace',
  api: 1,
  variantDrivers: [nvgrace],
})

export default plugin
