import { AddressSpace, type DeviceFile, MemoryFrame, type Process, Vma } from '@vfiokit/vfio-core'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'

const bytes = new Uint8Array(4096)
const device = { presentBarPages: 0 }

/** A mapping without device and process: an address space looks at its pages only. */
function vma(id: string, spacePage: number, pages: number): Vma {
  return new Vma({
    id,
    process: {} as Process,
    file: { device } as unknown as DeviceFile,
    backing: {
      followsMemory: true,
      frame: (page) => new MemoryFrame(bytes, page),
      fault: () => {
        throw new Error('nobody faults here')
      },
    },
    start: 0,
    pages,
    spacePage,
    backingPage: 0,
    protection: { read: true, write: true, execute: false },
  })
}

function overlaps({ spacePage, pages }: Vma, first: number, last: number): boolean {
  return spacePage <= last && spacePage + pages - 1 >= first
}

describe('an address space', () => {
  test('finds what a look at every mapping finds, after any links and unlinks', () => {
    const place = fc.record({
      first: fc.nat({ max: 30 }),
      pages: fc.integer({ min: 1, max: 9 }),
      out: fc.nat(),
    })
    fc.assert(
      fc.property(
        fc.array(place, { maxLength: 120 }),
        fc.array(fc.tuple(fc.nat({ max: 45 }), fc.nat({ max: 9 }))),
        (steps, ranges) => {
          const space = new AddressSpace('space')
          const linked: Vma[] = []
          for (const { first, pages, out } of steps) {
            if (out % 3 === 0 && linked.length > 0) {
              const [gone] = linked.splice(out % linked.length, 1)
              space.unlink(gone!)
            } else {
              const added = vma(`v${first}`, first, pages)
              linked.push(added)
              space.link(added)
            }
          }
          expect(space.mappingCount).toBe(linked.length)
          for (const [first, length] of ranges) {
            const last = first + length
            const found = space.overlapping({ first, last })
            expect(found.length).toBe(new Set(found).size)
            expect(new Set(found)).toEqual(new Set(linked.filter((each) => overlaps(each, first, last))))
          }
        },
      ),
    )
  })

  test('asks only the mappings that overlap to give pages away', () => {
    const space = new AddressSpace('space')
    const zaps = vi.spyOn(Vma.prototype, 'zapSpacePages')
    const counts = vi.spyOn(Vma.prototype, 'presentInSpacePages')
    try {
      const mappings = Array.from({ length: 500 }, (_, at) => vma(`v${at}`, at * 10, 5))
      for (const each of mappings) {
        space.link(each)
        each.insert('all')
      }
      expect(space.unmapMappingRange({ first: 103, last: 121 })).toBe(2 + 5 + 0 + 2)
      expect(zaps).toHaveBeenCalledTimes(3)
      expect(space.presentPages({ first: 95, last: 130 })).toBe(3 + 3 + 1)
      expect(counts).toHaveBeenCalledTimes(4)
      expect(space.unmapMappingRange({ first: 5, last: 9 })).toBe(0)
      expect(zaps).toHaveBeenCalledTimes(3)
    } finally {
      vi.restoreAllMocks()
    }
  })

  test('links a mapping once and unlinks what is linked', () => {
    const space = new AddressSpace('space')
    const one = vma('one', 0, 4)
    const twin = vma('twin', 0, 4)
    space.link(one)
    expect(() => space.link(one)).toThrow(TypeError)
    expect(() => space.unlink(twin)).toThrow(TypeError)
    space.link(twin)
    space.unlink(one)
    expect(space.overlapping({ first: 3, last: 3 })).toEqual([twin])
    expect(() => space.unlink(one)).toThrow(TypeError)
    space.unlink(twin)
    expect([space.mappingCount, space.overlapping({ first: 0, last: 9 })]).toEqual([0, []])
  })
})

describe('a vma', () => {
  test('zaps a part of its pages wherever the range lies', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat({ max: 9 })),
        fc.nat({ max: 40 }),
        fc.integer({ min: 0, max: 30 }),
        (present, first, length) => {
          const mapping = vma('v', 20, 10)
          device.presentBarPages = 0
          for (const page of present) mapping.insert(page)
          const last = first + length
          const hit = present.filter((page) => 20 + page >= first && 20 + page <= last)
          expect(mapping.presentInSpacePages(first, last)).toBe(hit.length)
          expect(mapping.zapSpacePages(first, last)).toBe(hit.length)
          const left = present.filter((page) => !hit.includes(page))
          expect(Array.from({ length: 10 }, (_, page) => page).filter((page) => mapping.has(page))).toEqual(
            left.sort((a, b) => a - b),
          )
          expect([mapping.presentPages, device.presentBarPages]).toEqual([left.length, left.length])
        },
      ),
      { numRuns: 1000 },
    )
  })

  test('keeps a page that is there, and has no page outside itself', () => {
    const mapping = vma('v', 0, 2)
    const frame = new MemoryFrame(bytes, 7)
    mapping.insert(1, frame)
    mapping.insert(1, new MemoryFrame(bytes, 8))
    expect([mapping.frameAt(1), mapping.presentPages]).toEqual([frame, 1])
    for (const page of [-1, 2, 0.5, Number.NaN]) expect(() => mapping.insert(page)).toThrow(RangeError)
    expect(mapping.zap()).toBe(1)
    expect([mapping.has(1), mapping.frameAt(1), mapping.zap()]).toEqual([false, undefined, 0])
  })

  test('shows another place than its offset when somebody supplied another frame', () => {
    const mapping = vma('v', 0, 2)
    expect(mapping.showsExpectedFrame(0)).toBe(true)
    mapping.insert(0, new MemoryFrame(bytes, 99))
    expect(mapping.showsExpectedFrame(0)).toBe(false)
  })
})
