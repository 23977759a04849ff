/**
 * What the engine costs: accesses and faults against the same bodies without locks, zaps against pages
 * and mappings, hot resets against functions.
 */
import { accessBody, barAccess, runLive } from '@vfiokit/locking'
import { PAGE_SIZE_BYTES } from '@vfiokit/vfio-core'
import { milliseconds, nanosecondsPerCall, printTable, SMOKE } from '../../../.tools/stopwatch.ts'
import { bench, functionsOf, map, now } from './machine.ts'

const BDF = functionsOf(1)[0]!
const RANGE_ALL = { first: 0, last: 6 * 2 ** 28 - 1 }

await accesses()
await faults()
await zapAgainstPages()
await zapAgainstMappings()
await hotResetAgainstFunctions()

async function accesses(): Promise<void> {
  const { host, process, open } = await bench(1)
  const { fd } = open(BDF)
  const device = host.core.devices.get(BDF)!
  const hardware = host.bus.machine.hardware(BDF)!
  const out = new Uint8Array(4)
  const locked = nanosecondsPerCall((count) => {
    for (let at = 0; at < count; at++) process.pread(fd, out, (at & 1023) * 4)
  })
  const subject = barAccess(device)
  const bare = nanosecondsPerCall((count) => {
    for (let at = 0; at < count; at++) {
      const body = accessBody(device, subject, () => hardware.readBar(0, (at & 1023) * 4, out))
      if (runLive(body.admit())) runLive(body.act())
    }
  })
  printRates('trapped access of 4 bytes', locked, bare, 1e6)
}

async function faults(): Promise<void> {
  const { host, process, open } = await bench(1)
  const { fd } = open(BDF)
  const pages = 4096
  const address = map(process, fd, 0, pages)
  const [vma] = host.core.devices.get(BDF)!.mappings
  const space = host.core.devices.get(BDF)!.addressSpace
  const out = new Uint8Array(4)
  const locked = nanosecondsPerCall((count) => {
    for (let at = 0; at < count; at++) {
      const page = at % pages
      if (page === 0) space.unmapMappingRange(RANGE_ALL)
      process.load(address + page * PAGE_SIZE_BYTES, out)
    }
  })
  const bare = nanosecondsPerCall((count) => {
    for (let at = 0; at < count; at++) {
      const page = at % pages
      if (page === 0) space.unmapMappingRange(RANGE_ALL)
      const body = vma!.backing.fault(vma!, page)
      if (runLive(body.admit())) runLive(body.act())
      vma!.frameAt(page)!.load(0, out)
    }
  })
  printRates('fault and load of a page', locked, bare, 300e3)
}

function printRates(what: string, locked: number, bare: number, goal: number): void {
  const ratio = locked / bare
  printTable(
    [what, 'ns', 'per second', 'goal'],
    [
      ['live, with locks', locked.toFixed(0), rate(locked), `>= ${goal.toLocaleString('en')}`],
      ['the same body, no locks', bare.toFixed(0), rate(bare), ''],
      ['ratio', ratio.toFixed(2), '', '<= 3'],
    ],
  )
  if (!SMOKE && (1e9 / locked < goal || ratio > 3)) console.log(`goal missed: ${what}\n`)
}

/** One device-wide zap over mappings that have ever more pages present. */
async function zapAgainstPages(): Promise<void> {
  const { host, process, open } = await bench(1)
  const { fd } = open(BDF)
  const device = host.core.devices.get(BDF)!
  const rows = powersOfTen(SMOKE ? 3 : 6).map((pages) => {
    const address = map(process, fd, 0, pages)
    const [vma] = device.mappings
    const ms = milliseconds(
      () => vma!.insert('all'),
      () => device.addressSpace.unmapMappingRange(RANGE_ALL),
    )
    now(process.munmap(address, pages * PAGE_SIZE_BYTES))
    return [pages.toLocaleString('en'), (ms * 1e3).toFixed(1), ((ms * 1e6) / pages).toFixed(1)]
  })
  printTable(['zap: present pages', 'µs', 'ns per page'], rows)
}

/** A zap of one mapping's range among ever more mappings, and of all of them. */
async function zapAgainstMappings(): Promise<void> {
  const rows: string[][] = []
  for (const count of powersOfTen(SMOKE ? 3 : 5)) {
    const { host, process, open } = await bench(1)
    const { fd } = open(BDF)
    const device = host.core.devices.get(BDF)!
    for (let at = 0; at < count; at++) map(process, fd, at * PAGE_SIZE_BYTES, 1)
    const mappings = [...device.mappings]
    const middle = { first: count >> 1, last: count >> 1 }
    const one = nanosecondsPerCall((calls) => {
      for (let at = 0; at < calls; at++) {
        mappings[count >> 1]!.insert(0)
        device.addressSpace.unmapMappingRange(middle)
      }
    })
    const all = milliseconds(
      () => {
        for (const vma of mappings) vma.insert(0)
      },
      () => device.addressSpace.unmapMappingRange(RANGE_ALL),
    )
    rows.push([
      count.toLocaleString('en'),
      (one / 1e3).toFixed(2),
      (all * 1e3).toFixed(1),
      ((all * 1e6) / count).toFixed(0),
    ])
  }
  printTable(['zap: mappings', 'one page of one, µs', 'all, µs', 'ns per mapping'], rows)
}

/** Hot reset of a slot whose functions each have one page present. */
async function hotResetAgainstFunctions(): Promise<void> {
  const rows: string[][] = []
  for (const count of SMOKE ? [1, 4] : [1, 2, 4, 8, 16, 32, 64, 128, 256]) {
    const setting = await bench(count)
    const devices = functionsOf(count).map((bdf) => setting.open(bdf))
    const addresses = devices.map(({ fd }) => map(setting.process, fd, 0, 1))
    const out = new Uint8Array(4)
    const ms = milliseconds(
      () => {
        for (const address of addresses) setting.process.load(address, out)
      },
      () => now(runLive(devices[0]!.hotReset([setting.groupFd]))),
    )
    rows.push([String(count), (ms * 1e3).toFixed(0), ((ms * 1e3) / count).toFixed(1)])
  }
  printTable(['hot reset: functions', 'µs', 'µs per function'], rows)
}

function powersOfTen(most: number): number[] {
  return Array.from({ length: most + 1 }, (_, power) => 10 ** power)
}

function rate(nanoseconds: number): string {
  return Math.round(1e9 / nanoseconds).toLocaleString('en')
}
