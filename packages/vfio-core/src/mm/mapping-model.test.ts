/**
 * Mappings against the plainest model there is: for each process a table of pages, and for each page
 * what it shows, whether it is present and what may be done with it.
 */
import type { AnyLockingStrategy } from '@vfiokit/locking'
import { unmapRange, vmaList } from '@vfiokit/locking-strategies'
import {
  type AddressSpace,
  type DeviceCalls,
  type EngineCalls,
  PAGE_SIZE_BYTES,
  type Protection,
  REGION_PAGES,
  VfioError,
  VfioSignal,
  type Vma,
} from '@vfiokit/vfio-core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BAR_PAGES, CONTROL_REGION, MEMORY_PAGES, MEMORY_REGION } from '../fixtures/fake-device.ts'
import { type Machine, machine, now, opened } from '../fixtures/machine.ts'

const BASE = 0x7000_0000_0000
const PROTECTIONS: readonly Protection[] = [
  { read: true, write: true, execute: false },
  { read: true, write: false, execute: false },
  { read: false, write: false, execute: false },
]

interface NaivePage {
  readonly device: number
  /** Page of the file: index << 28 | page. */
  readonly filePage: number
  present: boolean
  protection: Protection
}

type Naive = Map<number, NaivePage>[]

const small = fc.nat({ max: 11 })
const command = fc.oneof(
  fc.record({
    do: fc.constant('map' as const),
    process: small,
    device: small,
    memory: fc.boolean(),
    first: small,
    pages: small,
  }),
  fc.record({ do: fc.constant('munmap' as const), process: small, at: fc.nat({ max: 60 }), pages: small }),
  fc.record({
    do: fc.constant('mprotect' as const),
    process: small,
    at: fc.nat({ max: 60 }),
    pages: small,
    protection: small,
  }),
  fc.record({ do: fc.constant('touch' as const), process: small, at: fc.nat({ max: 60 }) }),
  fc.record({ do: fc.constant('touch-all' as const), process: small }),
  fc.record({ do: fc.constant('zap' as const), device: small, first: small, pages: small }),
  fc.record({ do: fc.constant('memory' as const), device: small, on: fc.boolean() }),
  fc.record({ do: fc.constant('fork' as const), process: small }),
)
type Command = typeof command extends fc.Arbitrary<infer C> ? C : never

/** Does commands to a machine and to the model, and compares what both say. */
class Comparison {
  readonly machine: Machine
  readonly processes: EngineCalls[]
  readonly devices: DeviceCalls[]
  readonly naive: Naive = [new Map()]
  readonly on = [true, true]

  constructor(
    readonly strategy: AnyLockingStrategy,
    /** False: only what must hold whatever a fault brings in. */
    readonly exact: boolean,
  ) {
    this.machine = machine({ strategy })
    this.processes = [this.machine.core.process('p0')]
    this.devices = now(opened(this.processes[0]!, ['d0', 'd1']))
  }

  do(step: Command): void {
    switch (step.do) {
      case 'map':
        return this.#map(step)
      case 'munmap':
        return this.#munmap(step)
      case 'mprotect':
        return this.#mprotect(step)
      case 'touch':
        return this.#touch(step.process, BASE + step.at * PAGE_SIZE_BYTES)
      case 'touch-all':
        for (const address of [...this.#tableOf(step.process).keys()]) this.#touch(step.process, address)
        return
      case 'zap':
        return this.#zap(step)
      case 'memory':
        return this.#memory(step)
      case 'fork':
        return this.#fork(step.process)
    }
  }

  check(): void {
    this.processes.forEach((calls, index) => {
      expect(this.#pagesOf(calls)).toEqual(this.#naivePagesOf(index))
    })
    const all = this.#vmas()
    expect(all.every((vma) => vma.isLinked)).toBe(true)
    for (const { device } of this.machine.drivers) {
      const own = all.filter((vma) => vma.device === device)
      const bars = own.filter(({ followsMemory }) => followsMemory)
      expect(device.presentBarPages).toBe(bars.reduce((sum, vma) => sum + presentOneByOne(vma), 0))
      expect(idsOf(device.mappings)).toEqual(idsOf(own))
      const lost = bars.filter((vma) => vma.presentPages > 0 && this.strategy.tracks?.(device, vma) === false)
      expect(idsOf(lost)).toEqual([])
    }
    for (const space of this.#spaces()) {
      const linked = all.filter((vma) => vma.device.addressSpace === space)
      expect(space.mappingCount).toBe(linked.length)
      const everything = { first: 0, last: Number.MAX_SAFE_INTEGER }
      expect(space.presentPages(everything)).toBe(linked.reduce((sum, vma) => sum + presentOneByOne(vma), 0))
    }
    expect(this.machine.core.locks.busy()).toEqual([])
  }

  /** What the engine says of each page of a process, by address. */
  #pagesOf({ process }: EngineCalls): string[] {
    return process.vmas.flatMap((vma) =>
      Array.from({ length: vma.pages }, (_, page) => {
        const address = vma.start + page * PAGE_SIZE_BYTES
        const found = process.vmaAt(address + 17) === vma && vma.showsExpectedFrame(page)
        return line(
          address,
          vma.device.id,
          vma.spacePage + page,
          vma.protection,
          found,
          vma.has(page) && this.exact,
        )
      }),
    )
  }

  #naivePagesOf(index: number): string[] {
    return [...this.naive[index]!]
      .sort(([one], [other]) => one - other)
      .map(([address, { device: at, filePage, protection, present }]) => {
        const { device } = this.machine.drivers[at]!
        const place = device.layout.place(filePage, filePage < REGION_PAGES)
        return line(address, device.id, place, protection, true, present && this.exact)
      })
  }

  #vmas() {
    return this.processes.flatMap(({ process }) => process.vmas)
  }

  #spaces(): AddressSpace[] {
    return [...new Set(this.machine.drivers.map(({ device }) => device.addressSpace))]
  }

  #process(index: number): EngineCalls {
    return this.processes[index % this.processes.length]!
  }

  #tableOf(index: number): Map<number, NaivePage> {
    return this.naive[index % this.processes.length]!
  }

  #map(step: Extract<Command, { do: 'map' }>): void {
    const device = step.device % 2
    const limit = step.memory ? MEMORY_PAGES : BAR_PAGES
    const first = step.first % limit
    const pages = 1 + (step.pages % (limit - first))
    const region = step.memory ? MEMORY_REGION : 0
    const { fd } = this.devices[device]!
    const address = now(
      this.#process(step.process).mmap({
        fd,
        offset: (region * REGION_PAGES + first) * PAGE_SIZE_BYTES,
        lengthBytes: pages * PAGE_SIZE_BYTES - 5,
        protection: PROTECTIONS[0]!,
        shared: true,
      }),
    )
    for (let page = 0; page < pages; page++)
      this.#tableOf(step.process).set(address + page * PAGE_SIZE_BYTES, {
        device,
        filePage: region * REGION_PAGES + first + page,
        present: false,
        protection: PROTECTIONS[0]!,
      })
  }

  #munmap({ process, at, pages }: Extract<Command, { do: 'munmap' }>): void {
    const address = BASE + at * PAGE_SIZE_BYTES
    now(this.#process(process).munmap(address, (1 + pages) * PAGE_SIZE_BYTES - 1))
    for (let page = 0; page <= pages; page++) this.#tableOf(process).delete(address + page * PAGE_SIZE_BYTES)
  }

  #mprotect(step: Extract<Command, { do: 'mprotect' }>): void {
    const address = BASE + step.at * PAGE_SIZE_BYTES
    const protection = PROTECTIONS[step.protection % PROTECTIONS.length]!
    let expected = 'ok'
    for (let page = 0; page < step.pages && expected === 'ok'; page++) {
      const hit = this.#tableOf(step.process).get(address + page * PAGE_SIZE_BYTES)
      if (hit === undefined) expected = 'ENOMEM'
      else hit.protection = protection
    }
    const length = step.pages * PAGE_SIZE_BYTES
    expect(outcomeOf(() => now(this.#process(step.process).mprotect(address, length, protection)))).toBe(
      expected,
    )
  }

  #touch(process: number, address: number): void {
    const page = this.#tableOf(process).get(address)
    const off = page !== undefined && page.filePage < REGION_PAGES && !this.on[page.device]
    const expected =
      page === undefined ? 'SIGSEGV 1' : !readable(page.protection) ? 'SIGSEGV 2' : off ? 'SIGBUS 2' : 'ok'
    expect(outcomeOf(() => now(this.#process(process).load(address + 8, new Uint8Array(4))))).toBe(expected)
    if (expected === 'ok') page!.present = true
  }

  #zap({ device: index, first, pages }: Extract<Command, { do: 'zap' }>): void {
    const { device } = this.machine.drivers[index % 2]!
    // As a strategy does it: a list-keeping one would have to be told.
    if (this.strategy.tracks !== undefined) return
    const range = { first: device.layout.place(first, true), last: device.layout.place(first + pages, true) }
    let expected = 0
    for (const page of this.#present(device.addressSpace, range)) {
      page.present = false
      expected++
    }
    const before = device.addressSpace.zappedPages
    expect(device.addressSpace.presentPages(range)).toBe(expected)
    expect(device.addressSpace.unmapMappingRange(range)).toBe(expected)
    expect(device.addressSpace.presentPages(range)).toBe(0)
    expect(device.addressSpace.zappedPages - before).toBe(expected)
  }

  *#present(space: AddressSpace, { first, last }: { first: number; last: number }): Generator<NaivePage> {
    for (const table of this.naive)
      for (const page of table.values()) {
        const { device } = this.machine.drivers[page.device]!
        const place = device.layout.place(page.filePage, page.filePage < REGION_PAGES)
        if (page.present && device.addressSpace === space && place >= first && place <= last) yield page
      }
  }

  #memory({ device: index, on }: Extract<Command, { do: 'memory' }>): void {
    const { device } = this.machine.drivers[index % 2]!
    this.on[index % 2] = on
    now(this.devices[index % 2]!.write(CONTROL_REGION, 0, Uint8Array.of(on ? 1 : 0)))
    if (on) return
    for (const page of this.#present(device.addressSpace, device.zapRanges[0]!)) page.present = false
    expect(device.presentBarPages).toBe(0)
  }

  #fork(process: number): void {
    if (this.processes.length > 2) return
    const child = now(this.#process(process).fork(`p${this.processes.length}`))
    const table = this.#tableOf(process)
    this.naive.push(new Map([...table].map(([address, page]) => [address, { ...page }])))
    this.processes.push(child)
  }
}

/** What may be written may be read, on x86. */
function readable({ read, write, execute }: Protection): boolean {
  return read || write || execute
}

function line(
  address: number,
  device: string,
  place: number,
  protection: Protection,
  found: boolean,
  present: boolean,
) {
  const access = `${protection.read ? 'r' : '-'}${protection.write ? 'w' : '-'}`
  return `0x${address.toString(16)} ${device} ${place} ${access} ${found} ${present}`
}

function presentOneByOne(vma: Vma): number {
  let present = 0
  for (let page = 0; page < vma.pages; page++) if (vma.has(page)) present++
  return present
}

function idsOf(vmas: Iterable<Vma>): string[] {
  return [...vmas].map(({ id, process }) => `${id} of ${process.id}`).sort()
}

function outcomeOf(act: () => void): string {
  try {
    act()
    return 'ok'
  } catch (error) {
    if (VfioSignal.is(error)) return `${error.signal} ${error.code}`
    if (VfioError.is(error)) return error.errno
    throw error
  }
}

describe('mappings are what a table of pages says they are', () => {
  test.each([
    { ...unmapRange, addressSpaces: 'per-device' },
    { ...unmapRange, addressSpaces: 'per-set' },
    { ...unmapRange, addressSpaces: 'per-set-with-ordinals' },
    vmaList,
  ] as AnyLockingStrategy[])('$name, $addressSpaces', (strategy) => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 40 }), (steps) => {
        const comparison = new Comparison(strategy, strategy.populate === 'page')
        for (const step of steps) {
          comparison.do(step)
          comparison.check()
        }
        for (const process of comparison.processes) now(process.exit())
        for (const { device } of comparison.machine.drivers)
          expect([device.presentBarPages, device.mappings.size, device.lifecycle.state]).toEqual([
            0,
            0,
            'closed',
          ])
      }),
      { numRuns: 30 },
    )
  })
})
