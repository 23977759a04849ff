import { RwSemaphore } from '@vfiokit/locking'
import { type DeviceFile, OpenFile, PAGE_SIZE_BYTES, Process, Vma } from '@vfiokit/vfio-core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { now, thrownBy } from '../fixtures/machine.ts'

class TestFile extends OpenFile {
  readonly title = 'test'
  released = 0

  override ioctl(): never {
    throw new Error('no ioctl here')
  }

  // biome-ignore lint/correctness/useYield: nothing here waits for anybody
  protected override *release() {
    this.released++
  }
}

const newProcess = () => new Process('p', new RwSemaphore('mmap_lock:p', { fair: true }))

function vma(process: Process, startPage: number, pages: number): Vma {
  return new Vma({
    id: `v${startPage}`,
    process,
    file: {} as DeviceFile,
    backing: {
      followsMemory: false,
      fault: () => {
        throw new Error('nobody faults here')
      },
    },
    start: startPage * PAGE_SIZE_BYTES,
    pages,
    spacePage: 0,
    backingPage: 0,
    protection: { read: true, write: true, execute: false },
  })
}

describe('descriptors', () => {
  test('are the lowest that are free, as a search from 0 finds them', () => {
    fc.assert(
      fc.property(
        fc.array(fc.option(fc.nat({ max: 12 }), { nil: undefined }), { maxLength: 60 }),
        (closes) => {
          const process = newProcess()
          const used = new Set([0, 1, 2])
          for (const close of closes) {
            if (close === undefined) {
              let lowest = 0
              while (used.has(lowest)) lowest++
              used.add(lowest)
              expect(process.install(new TestFile())).toBe(lowest)
            } else if (used.delete(close)) process.uninstall(close)
            else expect(thrownBy(() => process.uninstall(close))).toMatchObject({ errno: 'EBADF' })
          }
          expect([...process.files.keys()].sort((a, b) => a - b)).toEqual([...used].sort((a, b) => a - b))
        },
      ),
    )
  })

  test('begin at 3 behind the standard streams, which are of no use to vfio', () => {
    const process = newProcess()
    expect([...process.files.values()].map(({ title }) => title)).toEqual(['stdin', 'stdout', 'stderr'])
    expect(process.install(new TestFile())).toBe(3)
    const ioctl = () => process.file(0).ioctl({ process, request: 0x3b64, argument: new Uint8Array(4) })
    expect(thrownBy(ioctl)).toMatchObject({ errno: 'ENOTTY' })
  })

  test('that are not open answer EBADF', () => {
    for (const fd of [-1, 3, 99, Number.NaN, 0.5])
      expect(thrownBy(() => newProcess().file(fd))).toMatchObject({ errno: 'EBADF', reason: 'bad-fd' })
  })

  test('that are open are not given away again', () => {
    const process = newProcess()
    expect(() => process.installAt(1, new TestFile())).toThrow(TypeError)
    process.installAt(40, new TestFile())
    expect(process.install(new TestFile())).toBe(3)
  })
})

describe('an open file', () => {
  test('is released by the last who drops it, once', () => {
    const file = new TestFile()
    file.take()
    now(file.drop())
    expect([file.released, file.isReleased]).toEqual([0, false])
    now(file.drop())
    expect([file.released, file.isReleased]).toEqual([1, true])
    expect(() => now(file.drop())).toThrow(TypeError)
    expect(() => file.take()).toThrow(TypeError)
    expect(file.released).toBe(1)
  })

  test('that is no device has nothing to read now', () => {
    expect([
      new TestFile().readNow(0, new Uint8Array(1)),
      new TestFile().writeNow(0, new Uint8Array(1)),
    ]).toEqual([undefined, undefined])
  })
})

describe('the map of a process', () => {
  const slots = fc.uniqueArray(fc.nat({ max: 15 }), { maxLength: 12 })

  test('finds by address what a look at every mapping finds', () => {
    fc.assert(
      fc.property(slots, slots, fc.nat({ max: 64 }), fc.nat({ max: 20 }), (added, removed, from, length) => {
        const process = newProcess()
        // Slots of 4 pages, of which a mapping takes 1 to 4.
        const vmas = added.map((slot) => vma(process, 1 + slot * 4, 1 + (slot % 4)))
        for (const each of vmas) process.addVma(each)
        const gone = vmas.filter((_, at) => removed.includes(at))
        for (const each of gone) process.removeVma(each)
        const left = vmas.filter((each) => !gone.includes(each)).sort((one, other) => one.start - other.start)
        expect(process.vmas).toEqual(left)
        const start = from * PAGE_SIZE_BYTES + 100
        const end = start + length * PAGE_SIZE_BYTES
        expect(process.vmaAt(start)).toBe(left.find((each) => each.start <= start && start < each.end))
        expect(process.vmasIn(start, end)).toEqual(
          left.filter((each) => each.start < end && each.end > start),
        )
      }),
    )
  })

  test('refuses mappings that overlap and does not remove what is not its own', () => {
    const process = newProcess()
    const first = vma(process, 4, 4)
    process.addVma(first)
    for (const [start, pages] of [
      [4, 1],
      [7, 1],
      [1, 4],
      [0, 20],
      [5, 2],
    ] as const)
      expect(() => process.addVma(vma(process, start, pages))).toThrow(TypeError)
    expect(() => process.removeVma(vma(process, 4, 4))).toThrow(TypeError)
    process.addVma(vma(process, 8, 1))
    process.addVma(vma(process, 3, 1))
    expect(process.vmas.map(({ id }) => id)).toEqual(['v3', 'v4', 'v8'])
  })

  test('has room for the next mapping behind all others, inherited ones included', () => {
    const process = newProcess()
    const at = process.reserve(3)
    expect(process.reserve(1)).toBe(at + 4 * PAGE_SIZE_BYTES)
    process.addVma(vma(process, at / PAGE_SIZE_BYTES + 100, 10))
    expect(process.reserve(1)).toBe(at + 111 * PAGE_SIZE_BYTES)
  })
})
