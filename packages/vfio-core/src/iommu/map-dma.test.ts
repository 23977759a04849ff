/** Checks measured on real kernels, one row each; an answer is of 5.10, 6.1, 6.12, 7.2. */
import { CONTAINER_IOCTL, DMA_MAP, IOMMU_TYPE, KERNEL_VERSIONS, PAGE_SIZE_BYTES } from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { type Answer, type DmaUser, dmaUser, MEMORY_BYTES } from '../fixtures/dma-user.ts'
import { now } from '../fixtures/machine.ts'

const TOP = 2n ** 64n
const PAGE = 4096n
const READ_ONLY = { read: true, write: false, execute: false } as const
const NONE = { read: false, write: false, execute: false } as const
interface Row {
  readonly what: string
  readonly call: (user: DmaUser) => Answer
  /** One answer stands for all kernels. */
  readonly answers: readonly Answer[]
}

function row(what: string, call: Row['call'], ...answers: Answer[]): Row {
  return { what, call, answers }
}

const REFUSALS: readonly Row[] = [
  row('size 0', (u) => u.map(0x200000n, 0n), 'EINVAL'),
  row('size 0, no flags', (u) => u.map(0x200000n, 0n, { flags: 0 }), 'EINVAL'),
  row('half a page', (u) => u.map(0x200000n, 0x800n), 'EINVAL'),
  row('an iova inside a page', (u) => u.map(0x200800n, PAGE), 'EINVAL'),
  row('a vaddr inside a page', (u) => u.map(0x200000n, PAGE, { vaddr: u.vaddr + 0x800n }), 'EINVAL'),
  row('no flags', (u) => u.map(0x200000n, PAGE, { flags: 0 }), 'EINVAL'),
  row(
    'VADDR where nothing is',
    (u) => u.map(0x200000n, PAGE, { flags: 4 }),
    'EINVAL',
    'ENOENT',
    'ENOENT',
    'ENOENT',
  ),
  row('VADDR where an address is', (u) => u.map(0x100000n, PAGE, { flags: 4 }), 'EINVAL'),
  row('VADDR with READ', (u) => u.map(0x200000n, PAGE, { flags: 5 }), 'EINVAL'),
  row('unknown flags', (u) => u.map(0x200000n, PAGE, { flags: 0x8000_0003 }), 'EINVAL'),
  row('argsz 31', (u) => u.map(0x200000n, PAGE, { argsz: 31 }), 'EINVAL'),
  row('the same again', (u) => u.map(0x100000n, PAGE), 'EEXIST'),
  row('over its end', (u) => u.map(0xff000n, 2n * PAGE), 'EEXIST'),
  row('the wrap of iova', (u) => u.map(TOP - PAGE, 2n * PAGE), 'EINVAL', 'EINVAL', 'EINVAL', 'EOVERFLOW'),
  row('the wrap, unaligned', (u) => u.map(TOP - PAGE, 0x1800n), 'EINVAL', 'EINVAL', 'EINVAL', 'EOVERFLOW'),
  row(
    'the wrap, no flags',
    (u) => u.map(TOP - PAGE, 2n * PAGE, { flags: 0 }),
    'EINVAL',
    'EINVAL',
    'EINVAL',
    'EOVERFLOW',
  ),
  row(
    'the wrap of vaddr',
    (u) => u.map(0x200000n, 2n * PAGE, { vaddr: TOP - PAGE }),
    'EINVAL',
    'EINVAL',
    'EINVAL',
    'EOVERFLOW',
  ),
  row(
    'the wrap over a mapping',
    (u) => u.map(0x100000n, TOP - PAGE),
    'EINVAL',
    'EINVAL',
    'EINVAL',
    'EOVERFLOW',
  ),
  row('the last page of 64 bits', (u) => u.map(TOP - PAGE, PAGE), 'EINVAL'),
  row('the interrupt window', (u) => u.map(0xfee00000n, PAGE), 'EINVAL'),
  row('into the interrupt window', (u) => u.map(0xfedff000n, 2n * PAGE), 'EINVAL'),
  row('behind 48 bits', (u) => u.map(2n ** 48n, PAGE), 'EINVAL'),
  row('vaddr 0', (u) => u.map(0x200000n, PAGE, { vaddr: 0n }), 'EFAULT'),
  row('the last page as vaddr', (u) => u.map(0x200000n, PAGE, { vaddr: TOP - PAGE }), 'EFAULT'),
  row('kernel memory', (u) => u.map(0x200000n, PAGE, { vaddr: 0xffff_8880_0000_0000n }), 'EFAULT'),
  row('memory with a hole behind', (u) => u.map(0x200000n, BigInt(MEMORY_BYTES) + PAGE), 'EFAULT'),
  row('a bad pointer', (u) => u.ask(CONTAINER_IOCTL.IOMMU_MAP_DMA, new Uint8Array(31)), 'EFAULT'),
]

describe.each(KERNEL_VERSIONS.map((kernel, at) => ({ kernel, at })))('on $kernel', ({ kernel, at }) => {
  test.each(REFUSALS)('map of $what is refused and leaves nothing', ({ call, answers }) => {
    const user = dmaUser(kernel)
    expect(user.map(0x100000n, PAGE)).toBe(0)
    expect(call(user)).toBe(answers[at] ?? answers[0])
    expect(user.available()).toBe(65_534)
    expect(user.unmap(0x100000n, PAGE)).toBe(PAGE)
  })

  test('neighbours of the window, of another mapping and of the ends are mapped', () => {
    const user = dmaUser(kernel)
    for (const iova of [0n, PAGE, 0xfedff000n, 0xfef00000n, 2n ** 39n, 2n ** 48n - PAGE])
      expect(user.map(iova, PAGE, { argsz: 4096 })).toBe(0)
    expect(user.available()).toBe(65_535 - 6)
  })

  test('protection of the memory must allow what the device may do', () => {
    const user = dmaUser(kernel)
    now(user.calls.mprotect(Number(user.vaddr), PAGE_SIZE_BYTES, READ_ONLY))
    expect([user.map(0n, PAGE), user.map(0n, PAGE, { flags: 2 }), user.map(0n, PAGE, { flags: 1 })]).toEqual([
      'EFAULT',
      'EFAULT',
      0,
    ])
    now(user.calls.mprotect(Number(user.vaddr), PAGE_SIZE_BYTES, NONE))
    expect(user.map(PAGE, PAGE, { flags: 1 })).toBe('EFAULT')
  })

  test('EEXIST comes before the entry limit, which comes before what is mapped where', () => {
    const user = dmaUser(kernel)
    const iommu = [...user.core.groups.values()][0]!.container!.iommu!
    iommu.available = 1
    expect(user.map(0n, PAGE)).toBe(0)
    expect([user.map(0n, PAGE), user.map(0xfee00000n, PAGE), user.map(PAGE, PAGE, { vaddr: 0n })]).toEqual([
      'EEXIST',
      'ENOSPC',
      'ENOSPC',
    ])
    expect(user.unmap(0n, PAGE)).toBe(PAGE)
    expect([user.map(PAGE, PAGE, { vaddr: 0n }), user.available(), user.map(PAGE, PAGE)]).toEqual([
      'EFAULT',
      1,
      0,
    ])
  })

  test('no ioctl of an IOMMU works before a type is set, nor after the last group left', () => {
    const user = dmaUser(kernel, 'none')
    expect([user.map(0n, PAGE), user.unmap(0n, PAGE), user.dirty(1)]).toEqual(['EINVAL', 'EINVAL', 'EINVAL'])
    expect([user.setType(IOMMU_TYPE.TYPE1), user.ask(0x3b7f, new Uint8Array(0))]).toEqual([0, 'ENOTTY'])
    expect(user.map(0n, PAGE)).toBe(0)
    now(user.calls.ioctl(user.group, 0x3b69))
    expect([user.map(0n, PAGE), user.setType(IOMMU_TYPE.TYPE1)]).toEqual(['EINVAL', 'EINVAL'])
    user.attach()
    expect([user.setType(IOMMU_TYPE.TYPE1V2), user.available(), user.map(0n, PAGE)]).toEqual([0, 65_535, 0])
  })

  test('mmap of the container', () => {
    const user = dmaUser(kernel)
    const map = () =>
      now(
        user.calls.mmap({
          fd: user.container,
          offset: 0,
          lengthBytes: 4096,
          protection: READ_ONLY,
          shared: true,
        }),
      )
    expect(map).toThrow(kernel === '5.10' ? 'EINVAL' : 'ENODEV')
  })
})

test('a mapping struct is 32 bytes, as in linux/vfio.h', () => {
  expect(DMA_MAP.sizeBytes).toBe(32)
})
