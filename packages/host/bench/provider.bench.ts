/**
 * What a region of a plugin costs beside a BAR: the same system calls of the same process, on one device. Then how
 * a fault grows with what else is mapped, and with the memory that firmware declares.
 *
 * What is inherent: a plugin reads and writes bytes of its own, which are copied, since it may keep them. A page of
 * a BAR is known without asking, and takes 0.9 KB; for one of a plugin there are a step in which it is asked, the page
 * that it answers with, and the generator of both (2.1 to 2.5 KB), so such a fault costs 1.5 to 2.3 times a BAR's.
 * A generator function must not be made for each fault: V8 makes a class for each at its first call, 6 µs.
 */
import { memoryUsage } from 'node:process'
import { PAGE_SIZE_BYTES } from '@vfiokit/vfio-core'
import { cpuClock, median, nanosecondsPerCall, printTable, SMOKE } from '../../../.tools/stopwatch.ts'
import { type Bench, bench, functionsOf, map, now } from './machine.ts'
import { hostMemory, measured, PAGES, PREFAULTED_PAGES, START } from './measured-regions.ts'

const BDF = functionsOf(1)[0]!
const ROUNDS = SMOKE ? 1 : 3
/** What is written first and read back: proof that all of them get at something. */
const MARK = Uint8Array.of(0x12, 0x34, 0x56, 0x78)
/** Enough for an average of what is allocated, too few for the collector to come in between. */
const COUNTED_CALLS = 2000
const COUNTED_MAPPINGS = 8
const WHOLE = { maximumFractionDigits: 0 } as const

type Batch = (count: number) => void

/** What is measured, by where it begins in the file. The first row is what the others are compared with. */
const SUBJECTS = {
  'a BAR': START.bar,
  'a region with its own memory': START.memory,
  'a region that passes on to the BAR': START.barBacked,
  'a region over memory of the host': START.physical,
} as const

const MAPPINGS = {
  'a BAR, every page touched': { start: START.bar, touched: true },
  'a region with its own memory, prefaulted': { start: START.prefaultedMemory, touched: false },
  'a region over memory of the host, prefaulted': { start: START.prefaultedPhysical, touched: false },
} as const

const machine = await bench(1, { plugins: [measured], firmware: { memory: hostMemory() } })
const { fd } = machine.open(BDF)

compare('pread of 4 bytes', SUBJECTS, reads)
compare('pwrite of 4 bytes', SUBJECTS, writes)
compare('fault and load of a page', SUBJECTS, (start) => faults(machine, fd, start))
compare(`mmap of ${PREFAULTED_PAGES} pages, and munmap`, MAPPINGS, mappings, COUNTED_MAPPINGS)
refuseFailures(machine)
await faultsAgainstMappings()
await faultsAgainstRanges()

/** Side by side, round by round: what else the machine does then slows all of them alike. */
function compare<S>(
  what: string,
  subjects: Readonly<Record<string, S>>,
  batchOf: (subject: S) => Batch,
  counted = COUNTED_CALLS,
): void {
  const batches = Object.values(subjects).map(batchOf)
  // For the compiler, which has then seen all that is compared.
  for (const batch of batches) batch(SMOKE ? 1 : counted)
  for (const batch of batches) cpuNanoseconds(batch)
  const rounds = Array.from({ length: ROUNDS }, () => batches.map(cpuNanoseconds))
  const rows = Object.keys(subjects).map((subject, at) => {
    const ns = median(rounds.map((round) => round[at]!))
    const ratio = median(rounds.map((round) => round[at]! / round[0]!))
    const bytes = bytesPerCall(batches[at]!, counted)
    return [subject, ns.toLocaleString('en', WHOLE), ratio.toFixed(2), bytes.toLocaleString('en', WHOLE)]
  })
  printTable([what, 'CPU ns', 'ratio', 'bytes allocated'], rows)
}

/** Of the processors: ratios of times on the wall say little on a busy machine. */
function cpuNanoseconds(batch: Batch): number {
  return nanosecondsPerCall(batch, cpuClock)
}

/** What one call leaves to the collector. */
function bytesPerCall(batch: Batch, counted: number): number {
  const used = Array.from({ length: SMOKE ? 1 : 5 }, () => {
    globalThis.gc?.()
    const before = memoryUsage().heapUsed
    batch(counted)
    return (memoryUsage().heapUsed - before) / counted
  })
  return median(used)
}

function reads(start: number): Batch {
  const { process } = machine
  const out = new Uint8Array(4)
  now(process.pwrite(fd, MARK, start))
  now(process.pread(fd, out, start))
  demandMark(out)
  return (count) => {
    for (let at = 0; at < count; at++) process.pread(fd, out, start + (at & 1023) * 4)
  }
}

function writes(start: number): Batch {
  const { process } = machine
  return (count) => {
    for (let at = 0; at < count; at++) process.pwrite(fd, MARK, start + (at & 1023) * 4)
  }
}

function faults({ host, process }: Bench, file: number, start: number): Batch {
  const address = map(process, file, start, PAGES)
  const space = host.core.devices.get(BDF)!.addressSpace
  // Of the other mappings none is looked at: what a zap costs is measured elsewhere.
  const pages = { first: start / PAGE_SIZE_BYTES, last: start / PAGE_SIZE_BYTES + PAGES - 1 }
  const out = new Uint8Array(4)
  now(process.pwrite(file, MARK, start))
  now(process.load(address, out))
  demandMark(out)
  if (space.unmapMappingRange(pages) !== 1) throw new Error('a page would stay: it is faulted once only')
  return (count) => {
    for (let at = 0; at < count; at++) {
      const page = at % PAGES
      if (page === 0) space.unmapMappingRange(pages)
      process.load(address + page * PAGE_SIZE_BYTES, out)
    }
  }
}

function mappings({ start, touched }: { start: number; touched: boolean }): Batch {
  const { process } = machine
  const out = new Uint8Array(4)
  return (count) => {
    for (let at = 0; at < count; at++) {
      const address = map(process, fd, start, PREFAULTED_PAGES)
      for (let page = 0; touched && page < PREFAULTED_PAGES; page++)
        process.load(address + page * PAGE_SIZE_BYTES, out)
      now(process.munmap(address, PREFAULTED_PAGES * PAGE_SIZE_BYTES))
    }
  }
}

/** Faults of one mapping among ever more that are only there. */
async function faultsAgainstMappings(): Promise<void> {
  const rows: string[][] = []
  for (const count of SMOKE ? [1, 10] : [1, 100, 10_000]) {
    const row = await Promise.all(
      [START.bar, START.memory].map(async (start) => {
        const among = await bench(1, { plugins: [measured], firmware: { memory: hostMemory() } })
        const file = among.open(BDF).fd
        for (let at = 0; at < count; at++) map(among.process, file, start + (PAGES + at) * PAGE_SIZE_BYTES, 1)
        return faults(among, file, start)
      }),
    )
    rows.push([count.toLocaleString('en'), ...row.map((batch) => cpuNanoseconds(batch).toFixed(0))])
  }
  printTable(
    ['fault and load of a page: mappings beside it', 'of a BAR, CPU ns', 'of a region, CPU ns'],
    rows,
  )
}

/** Faults of memory of the host, of which firmware declared ever more ranges. */
async function faultsAgainstRanges(): Promise<void> {
  const rows: string[][] = []
  for (const count of SMOKE ? [0, 10] : [0, 10, 1000]) {
    const among = await bench(1, { plugins: [measured], firmware: { memory: hostMemory(count) } })
    const ns = cpuNanoseconds(faults(among, among.open(BDF).fd, START.physical))
    refuseFailures(among)
    rows.push([(count + 1).toLocaleString('en'), ns.toFixed(0)])
  }
  printTable(['fault and load of a page of the host: ranges of memory', 'CPU ns'], rows)
}

function refuseFailures({ host }: Bench): void {
  if (host.bus.failureLines.length > 0) throw new Error(host.bus.failureLines.join('\n'))
}

function demandMark(found: Uint8Array): void {
  if (found.some((byte, at) => byte !== MARK[at])) throw new Error(`read ${found}, written was ${MARK}`)
}
