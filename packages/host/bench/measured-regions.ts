/** Regions of a plugin to be measured: one for each thing that can stand behind a page. */
import type { MemoryRange } from '@vfiokit/hardware'
import { definePlugin, type Plugin, type Region, type RegionHost } from '@vfiokit/plugin'
import { PAGE_SIZE_BYTES, PCI_REGION, REGION_PAGES } from '@vfiokit/vfio-core'

/** What is faulted of each region. */
export const PAGES = 4096
/** A region has so many more, for mappings that are only there. */
const MORE_PAGES = 10_000
const SIZE_BYTES = (PAGES + MORE_PAGES) * PAGE_SIZE_BYTES
/** Pages of the regions that are mapped with all pages present. */
export const PREFAULTED_PAGES = 512
/** Where memory of the host lies. */
const PHYSICAL = 0x10_0000_0000n

/** Where each begins in the file of the device. */
export const START = {
  bar: 0,
  memory: startOf(0),
  barBacked: startOf(1),
  physical: startOf(2),
  prefaultedMemory: startOf(3),
  prefaultedPhysical: startOf(4),
} as const

function startOf(own: number): number {
  return (PCI_REGION.FIRST_DEVICE_SPECIFIC + own) * REGION_PAGES * PAGE_SIZE_BYTES
}

/** The plugin that has them. */
export const measured: Plugin = definePlugin({
  name: 'measured',
  api: 1,
  regionProviders: [{ name: 'measured', matches: () => true, open: regions }],
})

/**
 * Memory of the host, for the regions that it backs.
 *
 * @param others - How many ranges more there are, half of them below.
 */
export function hostMemory(others = 0): MemoryRange[] {
  const more = Array.from({ length: others }, (_, at) => ({
    start: BigInt(at) * 0x10000n + (at % 2 === 0 ? 0n : 2n * PHYSICAL),
    sizeBytes: PAGE_SIZE_BYTES,
  }))
  return [...more, { start: PHYSICAL, sizeBytes: PAGES * PAGE_SIZE_BYTES }]
}

function regions(host: RegionHost): readonly Region[] {
  const memory = new Uint8Array(PAGES * PAGE_SIZE_BYTES)
  const bar = host.bar(0)
  const window = host.physical(PHYSICAL, memory.length)
  const ofMemory = {
    read: (offset: number, out: Uint8Array) => out.set(memory.subarray(offset, offset + out.length)),
    write: (offset: number, data: Uint8Array) => memory.set(data, offset),
    backing: 'memory',
    fault: (offset: number) => ({ memory, offset }),
  } as const
  const ofHost = {
    read: (offset: number, out: Uint8Array) => window.read(offset, out),
    write: (offset: number, data: Uint8Array) => window.write(offset, data),
    backing: 'physical',
    fault: (offset: number) => ({ physical: PHYSICAL + BigInt(offset) }),
  } as const
  const prefaulted = { sizeBytes: PREFAULTED_PAGES * PAGE_SIZE_BYTES, prefault: true }
  return [
    { kind: kind(1), sizeBytes: SIZE_BYTES, ...ofMemory },
    {
      kind: kind(2),
      sizeBytes: SIZE_BYTES,
      read: (offset, out) => bar.read(offset, out),
      write: (offset, data) => bar.write(offset, data),
      backing: 'bar',
      fault: (offset) => ({ bar: 0, offset }),
    },
    { kind: kind(3), sizeBytes: SIZE_BYTES, ...ofHost },
    { kind: kind(4), ...ofMemory, ...prefaulted },
    { kind: kind(5), ...ofHost, ...prefaulted },
  ]
}

function kind(subtype: number): { vendor: number; subtype: number } {
  return { vendor: 0x1234, subtype }
}
