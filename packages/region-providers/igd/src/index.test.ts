/** Facts 8.2: which regions there are, and what each read brings. */
import { PhysicalMemory } from '@vfiokit/hardware'
import { igd } from '@vfiokit/region-igd'
import { testRegionProvider } from '@vfiokit/testkit'
import type { Region, RegionHost } from '@vfiokit/vfio-pci'
import { describe, expect, test } from 'vitest'

const INTEL = 0x8086
const type = 0x8000_8086
const ASLS = 0x7d00_0000
const VBT = 0x7e00_0000
const OPREGION_BYTES = 8192

interface OpRegionText {
  readonly version?: number
  readonly signature?: string
  readonly sizeKib?: number
  readonly rvda?: bigint
  readonly rvds?: number
}

/** Memory that begins with an OpRegion. */
function opRegion({
  version = 0x0200,
  signature = 'IntelGraphicsMem',
  ...rest
}: OpRegionText = {}): Uint8Array {
  const bytes = new Uint8Array(OPREGION_BYTES)
  const view = new DataView(bytes.buffer)
  bytes.set(new TextEncoder().encode(signature))
  view.setUint32(16, rest.sizeKib ?? 8, true)
  view.setUint16(22, version, true)
  view.setBigUint64(954, rest.rvda ?? 0n, true)
  view.setUint32(962, rest.rvds ?? 0, true)
  return bytes
}

const hostBridge = { bdf: '00:00.0', vendorId: INTEL, deviceId: 0x3e30, classCode: 0x060000 }
const lpcBridge = { bdf: '00:1f.0', vendorId: INTEL, deviceId: 0xa306, classCode: 0x060100 }

testRegionProvider(igd, {
  function: { vendorId: INTEL, deviceId: 0x3e98, classCode: 0x030000, config: { 252: [0, 0, 0, 0x7d] } },
  neighbours: [hostBridge, lpcBridge],
  memory: [{ start: BigInt(ASLS), sizeBytes: OPREGION_BYTES, contents: opRegion() }],
  regions: [
    { type, subtype: 1, sizeBytes: OPREGION_BYTES, read: true, write: false, backing: 'none' },
    { type, subtype: 2, sizeBytes: 4096, read: true, write: false, backing: 'none' },
    { type, subtype: 3, sizeBytes: 4096, read: true, write: false, backing: 'none' },
  ],
})

interface Platform {
  readonly kernel?: RegionHost['kernel']
  readonly classCode?: number
  readonly asls?: number
  readonly opRegion?: Uint8Array
  readonly bridges?: readonly {
    readonly bdf: string
    readonly vendorId: number
    readonly classCode: number
  }[]
  /** Reads of configuration space of bridges: offset and width. */
  readonly reads?: [number, number][]
  readonly kept?: [number, Uint8Array][]
}

/** What the provider opens to on a platform. */
function opened(platform: Platform = {}): readonly Region[] {
  const { kernel = '7.2', classCode = 0x030000, asls = ASLS, bridges = [hostBridge, lpcBridge] } = platform
  const memory = new PhysicalMemory([
    { start: BigInt(ASLS), sizeBytes: OPREGION_BYTES, contents: platform.opRegion ?? opRegion() },
    { start: BigInt(VBT), sizeBytes: 4096, contents: Uint8Array.of(0xaa, 0xbb) },
  ])
  return igd.open({
    kernel,
    function: { classCode },
    config: {
      read: () => asls,
      keepVirtual: (offset: number, data: Uint8Array) => platform.kept?.push([offset, data]),
    },
    physical: (start: bigint, sizeBytes: number) => memory.window(start, sizeBytes),
    functionAt(bdf: string) {
      const found = bridges.find((bridge) => bdf === `0000:${bridge.bdf}`)
      const read = (offset: number, width: number) => {
        platform.reads?.push([offset, width])
        return 0x0403_0201
      }
      return found && { function: found, config: { sizeBytes: 256, read } }
    },
  } as unknown as RegionHost)
}

const subtypes = (regions: readonly Region[]) => regions.map(({ kind }) => kind.subtype)

describe('the regions that there are', () => {
  test.each<readonly [string, Platform, number[]]>([
    ['none without an OpRegion', { asls: 0 }, []],
    ['none while its register is all ones', { asls: 0xffff_ffff }, []],
    ['the OpRegion alone without a host bridge', { bridges: [lpcBridge] }, [1]],
    ['two without an LPC bridge', { bridges: [hostBridge] }, [1, 2]],
    ['three', {}, [1, 2, 3]],
    ['of a display that is not VGA, three on 7.2', { classCode: 0x038000 }, [1, 2, 3]],
    ['of a display that is not VGA, none on 6.12', { classCode: 0x038000, kernel: '6.12' }, []],
  ])('%s', (_what, platform, expected) => {
    expect(subtypes(opened(platform))).toEqual(expected)
  })

  test.each<readonly [string, Platform, RegExp]>([
    [
      'a signature that is wrong',
      { opRegion: opRegion({ signature: 'IntelGraphicsMEM' }) },
      /no OpRegion signature/,
    ],
    ['a size of 0', { opRegion: opRegion({ sizeKib: 0 }) }, /has a size of 0/],
    ['memory that is not there', { asls: 0x1000 }, /no memory of 8192 bytes/],
    [
      'a host bridge of somebody else',
      { bridges: [{ ...hostBridge, vendorId: 1 }] },
      /0000:00:00.0 is not the bridge/,
    ],
    [
      'an LPC bridge of another class',
      { bridges: [hostBridge, { ...lpcBridge, classCode: 0x060000 }] },
      /0000:00:1f.0 is not/,
    ],
  ])('%s fails the whole', (_what, platform, message) => {
    expect(() => opened(platform)).toThrow(message)
  })
})

test('the address register becomes virtual with what it holds', () => {
  const kept: [number, Uint8Array][] = []
  opened({ kept })
  expect(kept).toEqual([[0xfc, Uint8Array.of(0, 0, 0, 0x7d)]])
})

describe('a VBT outside of the OpRegion', () => {
  const external = opRegion({ rvda: BigInt(VBT), rvds: 4096 })
  const read = (region: Region, offset: number, length: number) => {
    const out = new Uint8Array(length)
    region.read!(offset, out)
    return [...out]
  }

  test('is right behind it', () => {
    const [region] = opened({ opRegion: external })
    expect(region!.sizeBytes).toBe(OPREGION_BYTES + 4096)
    expect(read(region!, OPREGION_BYTES - 1, 3)).toEqual([0, 0xaa, 0xbb])
  })

  test.each([
    ['6.1', [0x00, 0x02], [0, 0, 0, 0x7e]],
    ['6.12', [0x01, 0x02], [0, 0x20, 0, 0]],
    ['7.2', [0x01, 0x02], [0, 0x20, 0, 0]],
  ] as const)('%s: version and place are told so', (kernel, version, place) => {
    const [region] = opened({ opRegion: external, kernel })
    expect(read(region!, 22, 2)).toEqual(version)
    expect(read(region!, 954, 4)).toEqual(place)
    expect(read(region!, 23, 1)).toEqual([version[1]])
  })

  test('of version 2.1 counts from the OpRegion, and nothing is changed', () => {
    const relative = opRegion({ version: 0x0201, rvda: BigInt(VBT - ASLS), rvds: 4096 })
    const [region] = opened({ opRegion: relative })
    expect([read(region!, OPREGION_BYTES, 1), read(region!, 954, 4)]).toEqual([[0xaa], [0, 0, 0, 1]])
  })

  test('inside of it adds nothing, and so does one of version 1', () => {
    const inside = opRegion({ rvda: BigInt(ASLS + 4096), rvds: 1024 })
    const old = opRegion({ version: 0x0100, rvda: BigInt(VBT), rvds: 4096 })
    for (const text of [inside, old]) expect(opened({ opRegion: text })[0]!.sizeBytes).toBe(OPREGION_BYTES)
  })
})

test('a bridge is read by bytes and words until a dword begins, and from its end on', () => {
  const reads: [number, number][] = []
  const [, bridge] = opened({ reads })
  bridge!.read!(1, new Uint8Array(10))
  expect(reads).toEqual([
    [1, 1],
    [2, 2],
    [4, 4],
    [8, 2],
    [10, 1],
  ])
})
