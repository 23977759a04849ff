/** Facts 8.3: mappable regions that are not memory of the device. */
import { PhysicalMemory } from '@vfiokit/hardware'
import { nvlink2, PROPERTY } from '@vfiokit/region-nvlink2'
import { testRegionProvider } from '@vfiokit/testkit'
import type { MapPlace, PhysicallyBackedRegion, RegionHost } from '@vfiokit/vfio-pci'
import { describe, expect, test } from 'vitest'

const NVIDIA = 0x10de
const IBM = 0x1014
const BASE = 0x42_0000_0000n
const SIZE = 0x4000
const ATSD = 0x6_0000_0000n
const newer = ['6.1', '6.12', '7.2'] as const
const memory = [
  { start: BASE, sizeBytes: SIZE },
  { start: ATSD, sizeBytes: 0x1000 },
]
const gpuProperties = {
  [PROPERTY.MEMORY_BASE]: BASE,
  [PROPERTY.MEMORY_BYTES]: BigInt(SIZE),
  [PROPERTY.TARGET]: 0x1234n,
}
const atsdProperties = { [PROPERTY.ATSD]: ATSD, [PROPERTY.TARGET]: 0x1234n, [PROPERTY.LINK_SPEED]: 8n }

testRegionProvider(nvlink2, {
  function: {
    vendorId: NVIDIA,
    deviceId: 0x1db1,
    classCode: 0x030200,
    bars: [{ index: 0, sizeBytes: 0x1000 }],
  },
  memory,
  properties: gpuProperties,
  mapsOnce: 'EPERM',
  nothingUnder: newer,
  regions: [{ type: 0x8000_10de, subtype: 1, sizeBytes: SIZE, read: true, write: true, backing: 'physical' }],
})

testRegionProvider(nvlink2, {
  function: { vendorId: IBM, deviceId: 0x04ea, classCode: 0x068000, bars: [{ index: 0, sizeBytes: 0x1000 }] },
  memory,
  properties: atsdProperties,
  nothingUnder: newer,
  regions: [
    { type: 0x8000_1014, subtype: 1, sizeBytes: 0x1000, read: true, write: true, backing: 'physical' },
  ],
})

/** What the provider opens to, alone. */
function opened(vendorId: number, properties: Readonly<Record<string, bigint>>, kernel = '5.10') {
  const physical = new PhysicalMemory(memory)
  return nvlink2.open({
    kernel,
    function: { vendorId },
    property: (name: string) => properties[name],
    physical: (start: bigint, sizeBytes: number) => physical.window(start, sizeBytes),
  } as unknown as RegionHost) as readonly PhysicallyBackedRegion[]
}

const place = (offset: number, lengthBytes: number): MapPlace => ({
  offset,
  lengthBytes,
  protection: { read: true, write: true, execute: false },
})

describe('GPU memory', () => {
  const open = () => opened(NVIDIA, gpuProperties)[0]!

  test('can be mapped once for each open', () => {
    const region = open()
    expect([region.mmap!(place(0, SIZE)), region.mmap!(place(0, SIZE))]).toEqual([undefined, 'EPERM'])
    expect(open().mmap!(place(0, SIZE))).toBeUndefined()
  })

  test('is measured by length alone: what lies behind the end is noticed by its fault', () => {
    const region = open()
    expect(region.mmap!(place(0, SIZE + 0x1000))).toBe('EINVAL')
    expect(region.mmap!(place(SIZE, SIZE))).toBeUndefined()
    expect(region.fault(SIZE - 0x1000)).toEqual({ physical: BASE + BigInt(SIZE - 0x1000) })
    expect(region.fault(SIZE)).toBeUndefined()
  })

  test('says which link it is at', () => {
    expect(open().capabilities!()).toEqual([
      { id: 4, version: 1, body: Uint8Array.of(0x34, 0x12, 0, 0, 0, 0, 0, 0) },
    ])
  })
})

describe('ATSD registers', () => {
  const [region] = opened(IBM, atsdProperties)

  test('are there from the mmap on, a whole page or nothing', () => {
    expect(region!.prefault).toBe(true)
    expect([0x800, 0x1000, 0x2000].map((length) => region!.mmap!(place(0, length)))).toEqual([
      'EINVAL',
      undefined,
      'EINVAL',
    ])
    expect(region!.fault(0)).toEqual({ physical: ATSD })
  })

  test('say which link they are at, and how fast it is', () => {
    expect(region!.capabilities!().map(({ id, body }) => [id, body[0]])).toEqual([
      [4, 0x34],
      [5, 8],
    ])
  })
})

test.each([
  ['a GPU without a link', NVIDIA, {}],
  ['a bridge without registers', IBM, { [PROPERTY.TARGET]: 1n }],
])('%s has no region', (_what, vendorId, properties) => {
  expect(opened(vendorId, properties)).toEqual([])
})

test.each(newer)('%s has no such regions any more', (kernel) => {
  expect(opened(NVIDIA, gpuProperties, kernel)).toEqual([])
})
