/**
 * What a region of a plugin costs beside a BAR: the same system calls of the same process, on one device. A
 * provider's region has either memory of its own behind it, or the BAR that it is compared with.
 */
import { definePlugin, type Region, type RegionBar } from '@vfiokit/plugin'
import { PAGE_SIZE_BYTES, PCI_REGION, REGION_PAGES } from '@vfiokit/vfio-core'
import { median, nanosecondsPerCall, printTable, SMOKE } from '../../../.tools/stopwatch.ts'
import { bench, functionsOf, map, now } from './machine.ts'

const BDF = functionsOf(1)[0]!
const PAGES = 4096
const ROUNDS = SMOKE ? 1 : 3
const REGION_SPAN_BYTES = REGION_PAGES * PAGE_SIZE_BYTES
/** Every page of the regions that are measured. */
const RANGE_ALL = { first: 0, last: (PCI_REGION.FIRST_DEVICE_SPECIFIC + 2) * REGION_PAGES - 1 }
/** What is written first and read back: proof that all of them get at something. */
const MARK = Uint8Array.of(0x12, 0x34, 0x56, 0x78)

const plugin = definePlugin({
  name: 'measured',
  api: 1,
  regionProviders: [
    { name: 'measured', matches: () => true, open: ({ bar }) => [ownMemory(), passedOn(bar(0))] },
  ],
})
const { host, process, open } = await bench(1, [plugin])
const { fd } = open(BDF)

/** What is measured, by where its region begins in the file. The first row is what the others are compared with. */
const SUBJECTS = {
  'a BAR': 0,
  'a region with its own memory': PCI_REGION.FIRST_DEVICE_SPECIFIC * REGION_SPAN_BYTES,
  'a region that passes on to the BAR': (PCI_REGION.FIRST_DEVICE_SPECIFIC + 1) * REGION_SPAN_BYTES,
} as const

compare('pread of 4 bytes', reads)
compare('pwrite of 4 bytes', writes)
compare('fault and load of a page', faults)
if (host.bus.failureLines.length > 0) throw new Error(host.bus.failureLines.join('\n'))

function ownMemory(): Region {
  const memory = new Uint8Array(PAGES * PAGE_SIZE_BYTES)
  return {
    kind: { vendor: 0x1234, subtype: 1 },
    sizeBytes: memory.length,
    read: (offset, out) => out.set(memory.subarray(offset, offset + out.length)),
    write: (offset, data) => memory.set(data, offset),
    backing: 'memory',
    fault: (offset) => ({ memory, offset }),
  }
}

function passedOn(bar: RegionBar): Region {
  return {
    kind: { vendor: 0x1234, subtype: 2 },
    sizeBytes: PAGES * PAGE_SIZE_BYTES,
    read: (offset, out) => bar.read(offset, out),
    write: (offset, data) => bar.write(offset, data),
    backing: 'bar',
    fault: (offset) => ({ bar: 0, offset }),
  }
}

/** Side by side, round by round: what else the machine does then slows all of them alike. */
function compare(what: string, batchOf: (start: number) => (count: number) => void): void {
  const batches = Object.values(SUBJECTS).map(batchOf)
  // For the compiler, which has then seen all that is compared.
  for (const batch of batches) batch(SMOKE ? 64 : 50_000)
  const rounds = Array.from({ length: ROUNDS }, () => batches.map(nanosecondsPerCall))
  const rows = Object.keys(SUBJECTS).map((subject, at) => {
    const ns = median(rounds.map((round) => round[at]!))
    const ratio = median(rounds.map((round) => round[at]! / round[0]!))
    return [subject, ns.toFixed(0), Math.round(1e9 / ns).toLocaleString('en'), ratio.toFixed(2)]
  })
  printTable([what, 'ns', 'per second', 'ratio'], rows)
}

function reads(start: number): (count: number) => void {
  const out = new Uint8Array(4)
  now(process.pwrite(fd, MARK, start))
  now(process.pread(fd, out, start))
  demandMark(out)
  return (count) => {
    for (let at = 0; at < count; at++) process.pread(fd, out, start + (at & 1023) * 4)
  }
}

function writes(start: number): (count: number) => void {
  return (count) => {
    for (let at = 0; at < count; at++) process.pwrite(fd, MARK, start + (at & 1023) * 4)
  }
}

function faults(start: number): (count: number) => void {
  const address = map(process, fd, start, PAGES)
  const space = host.core.devices.get(BDF)!.addressSpace
  const out = new Uint8Array(4)
  now(process.pwrite(fd, MARK, start))
  now(process.load(address, out))
  demandMark(out)
  if (space.unmapMappingRange(RANGE_ALL) !== 1) throw new Error('a page would stay: it is faulted once only')
  return (count) => {
    for (let at = 0; at < count; at++) {
      const page = at % PAGES
      if (page === 0) space.unmapMappingRange(RANGE_ALL)
      process.load(address + page * PAGE_SIZE_BYTES, out)
    }
  }
}

function demandMark(found: Uint8Array): void {
  if (found.some((byte, at) => byte !== MARK[at])) throw new Error(`read ${found}, written was ${MARK}`)
}
