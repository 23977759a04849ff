/** Facts 8.4, row nvgrace: memory of the host in BARs that the device does not have. */
import { createHost, KERNEL_VERSIONS, shippedStrategies } from '@vfiokit/host'
import { runLive } from '@vfiokit/locking'
import plugin, { BLOCK_BYTES, nvgrace, PROPERTY, READINESS, RESERVED_BYTES } from '@vfiokit/region-nvgrace'
import { testVariantDriver } from '@vfiokit/testkit'
import { Bdf } from '@vfiokit/topology'
import {
  callsOf,
  DEVICE_IOCTL,
  type DeviceCalls,
  openDeviceIn,
  openGroup,
  SPARSE_AREA,
  VfioError,
  VfioSignal,
} from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'

const GPU = Bdf.parse('0000:01:00.0')
const PORT = '0000:00:01.0'
const BASE = 0x48_0000_0000n
/** Three blocks for guests, and a bit more than what is kept. */
const USABLE = 3 * BLOCK_BYTES
const KEPT = RESERVED_BYTES + 0x10_0000
const BAR4_BYTES = 2 ** 31
const CONFIG = 7

testVariantDriver(nvgrace, {
  function: {
    vendorId: 0x10de,
    deviceId: 0x2342,
    classCode: 0x030200,
    bars: [{ index: 0, sizeBytes: 0x10_0000 }],
  },
  bars: {
    0: { [READINESS.LINK]: [READINESS.READY, 0, 0, 0], [READINESS.TRAINING]: [READINESS.READY, 0, 0, 0] },
  },
  memory: [{ start: BASE, sizeBytes: USABLE + KEPT }],
  properties: { [PROPERTY.MEMORY_BASE]: BASE, [PROPERTY.MEMORY_BYTES]: BigInt(USABLE + KEPT) },
  replacements: {
    2: { sizeBytes: 2 ** 31, read: true, write: true, backing: 'physical' },
    4: { sizeBytes: BAR4_BYTES, read: true, write: true, backing: 'physical' },
  },
  // The device says that its memory is ready in BAR 0, which nobody reaches while memory is off.
  whileAway: ['ETIME'],
})

const functions = [
  { bdf: PORT, id: '1b36:000c', class: '060400', bridge: { secondary: 1, subordinate: 1 }, iommuGroup: 1 },
  {
    bdf: GPU,
    id: '10de:2342',
    class: '030200',
    iommuGroup: 2,
    bars: [{ index: 0, kind: 'memory', address: 0xfe00_0000, size: '1M' }],
    capabilities: [{ id: 'pci-express', fields: { functionLevelReset: true } }],
  },
]

interface Choice {
  readonly properties?: Readonly<Record<string, bigint>>
  readonly kernel?: (typeof KERNEL_VERSIONS)[number]
  readonly strategy?: string
}

/** A GPU that somebody has open, ready to be used. */
async function opened(choice: Choice = {}) {
  const { properties = { [PROPERTY.MEMORY_BASE]: BASE, [PROPERTY.MEMORY_BYTES]: BigInt(USABLE + KEPT) } } =
    choice
  const host = await createHost({
    ...(choice.kernel && { kernel: choice.kernel }),
    ...(choice.strategy && { strategy: choice.strategy }),
    topology: { inline: { functions } },
    firmware: { memory: [{ start: BASE, sizeBytes: USABLE + KEPT }], properties: { [GPU]: properties } },
    bind: [GPU],
    plugins: [plugin],
  })
  const process = host.vfio.process('vm0')
  const calls = callsOf(process)
  const group = await runLive(openGroup(calls, 2))
  const device: DeviceCalls = await runLive(openDeviceIn(calls, group, GPU))
  const gpu = new Gpu(device, group)
  await gpu.train()
  return { host, gpu }
}

/** What a guest does with it. */
class Gpu {
  constructor(
    readonly device: DeviceCalls,
    readonly group: number,
  ) {}

  async read(index: number, offset: number, length: number): Promise<number[]> {
    const bytes = new Uint8Array(length)
    const count = await runLive(this.device.read(index, offset, bytes))
    return [...bytes.subarray(0, count)]
  }

  write(index: number, offset: number, ...bytes: number[]): Promise<number> {
    return Promise.resolve(runLive(this.device.write(index, offset, Uint8Array.from(bytes))))
  }

  /** The device says that its memory is ready. */
  async train(value: number = READINESS.READY): Promise<void> {
    for (const register of [READINESS.LINK, READINESS.TRAINING]) await this.write(0, register, value, 0, 0, 0)
  }

  map(index: number, offset: number, length: number): Promise<number> {
    return Promise.resolve(runLive(this.device.mmap(index, offset, length)))
  }

  async load(address: number): Promise<number> {
    const out = new Uint8Array(1)
    await runLive(this.device.calls.load(address, out))
    return out[0]!
  }

  async setMemory(on: boolean): Promise<void> {
    await this.write(CONFIG, 4, on ? 2 : 0, 0)
  }
}

/** The errno or signal that a call ends with. */
async function failure(call: () => unknown): Promise<string | undefined> {
  try {
    await call()
    return undefined
  } catch (error) {
    if (VfioError.is(error)) return error.errno
    if (VfioSignal.is(error)) return error.signal
    throw error
  }
}

describe('BARs 2 and 4', () => {
  test('have sizes of powers of two, and say how much of them is memory', async () => {
    const { gpu } = await opened()
    const [kept, usable] = [await runLive(gpu.device.regionInfo(2)), await runLive(gpu.device.regionInfo(4))]
    expect([kept.sizeBytes, usable.sizeBytes]).toEqual([2 ** 31, BAR4_BYTES])
    const areas = [kept, usable].map(({ capabilities }) => SPARSE_AREA.decode(capabilities[0]!.body, 8))
    expect(areas).toEqual([
      { offset: 0n, size: BigInt(KEPT) },
      { offset: 0n, size: BigInt(USABLE) },
    ])
  })

  test('have registers that are sized as any other', async () => {
    const { gpu } = await opened()
    await gpu.write(CONFIG, 0x20, 0xff, 0xff, 0xff, 0xff)
    await gpu.write(CONFIG, 0x24, 0xff, 0xff, 0xff, 0xff)
    expect(await gpu.read(CONFIG, 0x20, 8)).toEqual([0x0c, 0, 0, 0x80, 0xff, 0xff, 0xff, 0xff])
    await runLive(gpu.device.reset())
    expect(await gpu.read(CONFIG, 0x20, 8)).toEqual([0x0c, 0, 0, 0, 0, 0, 0, 0])
  })

  test('are memory of the host, the kept part behind the usable one', async () => {
    const { host, gpu } = await opened()
    await gpu.write(4, 16, 7)
    await gpu.write(2, 16, 9)
    const at = (address: bigint) => {
      const out = new Uint8Array(1)
      host.bus.machine.memory.window(address, 1).read(0, out)
      return out[0]
    }
    expect([at(BASE + 16n), at(BASE + BigInt(USABLE) + 16n)]).toEqual([7, 9])
  })

  test('read as ones behind the memory, and drop what is written there', async () => {
    const { gpu } = await opened()
    expect(await gpu.write(4, USABLE - 1, 1, 2, 3)).toBe(3)
    expect(await gpu.read(4, USABLE - 1, 3)).toEqual([1, 0xff, 0xff])
    expect(await gpu.read(4, BAR4_BYTES - 2, 8)).toEqual([0xff, 0xff])
  })

  test('cannot be mapped behind the memory', async () => {
    const { gpu } = await opened()
    expect(await failure(() => gpu.map(4, USABLE - 0x1000, 0x2000))).toBe('EINVAL')
    expect(await failure(() => gpu.map(4, USABLE, 0x1000))).toBe('EINVAL')
    expect(await gpu.load(await gpu.map(4, USABLE - 0x1000, 0x1000))).toBe(0)
  })
})

describe('after a reset', () => {
  test('nothing is reached until the device is ready: ETIME and SIGBUS', async () => {
    const { gpu } = await opened()
    const address = await gpu.map(4, 0, 0x1000)
    expect(await gpu.load(address)).toBe(0)
    await gpu.train(0)
    await runLive(gpu.device.reset())
    await gpu.train(0)
    const accesses = [() => gpu.read(4, 0, 4), () => gpu.write(2, 0, 1), () => gpu.load(address)]
    const ends = []
    for (const access of accesses) ends.push(await failure(access))
    expect(ends).toEqual(['ETIME', 'ETIME', 'SIGBUS'])
    await gpu.train()
    expect([await gpu.load(address), await gpu.read(4, 0, 1)]).toEqual([0, [0]])
  })

  test('what is known to be ready is not asked again', async () => {
    const { gpu } = await opened()
    await gpu.read(4, 0, 1)
    await gpu.train(0)
    expect(await gpu.read(4, 0, 1)).toEqual([0])
  })
})

test('an ioeventfd is refused', async () => {
  const { gpu } = await opened()
  const ioctl = () =>
    runLive(gpu.device.calls.ioctl(gpu.device.fd, DEVICE_IOCTL.DEVICE_IOEVENTFD, new Uint8Array(32)))
  expect(await failure(ioctl)).toBe('ENOTTY')
})

test('without numbers of firmware it is a device as any other', async () => {
  const { host, gpu } = await opened({ properties: {} })
  expect((await runLive(gpu.device.regionInfo(4))).sizeBytes).toBe(0)
  expect(host.bus.failureLines).toEqual([])
})

test('too little memory is told, and leaves a device as any other', async () => {
  const properties = { [PROPERTY.MEMORY_BASE]: BASE, [PROPERTY.MEMORY_BYTES]: BigInt(RESERVED_BYTES) }
  const { host, gpu } = await opened({ properties })
  expect(host.bus.failureLines).toEqual([expect.stringContaining('leave none beside')])
  expect((await runLive(gpu.device.regionInfo(4))).sizeBytes).toBe(0)
})

describe.each(KERNEL_VERSIONS)('under %s', (kernel) => {
  test.each(shippedStrategies().map(({ name }) => name))(
    'and %s, pages go with memory and come back',
    async (strategy) => {
      const { host, gpu } = await opened({ kernel, strategy })
      const address = await gpu.map(4, 0x1000, 0x1000)
      await gpu.write(4, 0x1000, 0x5a)
      expect(await gpu.load(address)).toBe(0x5a)
      await gpu.setMemory(false)
      expect(await failure(() => gpu.load(address))).toBe('SIGBUS')
      await gpu.setMemory(true)
      expect(await gpu.load(address)).toBe(0x5a)
      // There is no hot reset of such GPUs: the kernel forbids a reset of their bus.
      expect(await failure(() => runLive(gpu.device.hotReset([gpu.group])))).toBe('ENODEV')
      await runLive(gpu.device.reset())
      await gpu.setMemory(true)
      await gpu.train()
      expect(await gpu.load(address)).toBe(0x5a)
      expect(host.bus.failureLines).toEqual([])
    },
  )
})
