import { CONTAINER_IOCTL, IOMMU_TYPE, KERNEL_VERSIONS } from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { dmaUser } from '../fixtures/dma-user.ts'

const PAGE = 4096n
const AT = 0x100000n
const TOP = 2n ** 64n

describe.each(KERNEL_VERSIONS)('on %s', (kernel) => {
  test('v1 has no dirty tracking', () => {
    expect(dmaUser(kernel, IOMMU_TYPE.TYPE1).dirty(1)).toBe('EACCES')
  })

  test('one known flag and 8 bytes at least; START and STOP are idempotent', () => {
    const user = dmaUser(kernel)
    expect([user.dirty(3), user.dirty(8), user.dirty(0), user.dirty(1, 7)]).toEqual(Array(4).fill('EINVAL'))
    expect([user.dirty(2), user.dirty(1), user.dirty(1), user.dirty(2)]).toEqual([0, 0, 0, 0])
    expect(user.ask(CONTAINER_IOCTL.IOMMU_DIRTY_PAGES, new Uint8Array(7))).toBe('EFAULT')
  })

  test('every page of a mapping is dirty', () => {
    const user = dmaUser(kernel)
    expect(user.map(AT, 4n * PAGE)).toBe(0)
    expect(user.bitmap(AT, 4n * PAGE)).toBe('EINVAL')
    expect(user.dirty(1)).toBe(0)
    expect([user.bitmap(AT, 4n * PAGE), user.word()]).toEqual([0, 0xfn])
  })

  test('a second mapping of a range keeps the bits of the first', () => {
    const user = dmaUser(kernel)
    expect([user.map(AT, 2n * PAGE), user.map(AT + 3n * PAGE, 2n * PAGE), user.dirty(1)]).toEqual([0, 0, 0])
    expect([user.bitmap(AT, 8n * PAGE), user.word()]).toEqual([0, 0b11011n])
  })

  test('what a bitmap is refused for', () => {
    const user = dmaUser(kernel)
    expect([user.map(AT, 4n * PAGE), user.dirty(1)]).toEqual([0, 0])
    const size = 4n * PAGE
    expect([
      user.bitmap(AT, size, { argsz: 47 }),
      user.bitmap(AT, size, { pgsize: 0x200000n }),
      user.bitmap(AT, size, { bytes: 0n }),
      user.bitmap(AT, size, { bytes: 1n }),
      user.bitmap(AT, 0n),
      user.bitmap(AT + 0x800n, size),
      user.bitmap(AT, size + 0x800n),
      user.bitmap(AT, 2n * PAGE),
    ]).toEqual(Array(8).fill('EINVAL'))
    expect(user.bitmap(TOP - PAGE, 2n * PAGE)).toBe(kernel === '7.2' ? 'EOVERFLOW' : 'EINVAL')
    expect(user.bitmap(AT, size, { data: 0x1000n })).toBe('EFAULT')
    expect([user.bitmap(0x900000n, PAGE), user.word()]).toEqual([0, 0n])
  })

  test('an unmap answers with the bits of what it unmapped', () => {
    const user = dmaUser(kernel)
    expect([user.map(AT, 4n * PAGE), user.unmapDirty(AT, 4n * PAGE), user.dirty(1)]).toEqual([0, 'EINVAL', 0])
    expect([
      user.unmapDirty(AT, 4n * PAGE, { argsz: 24 }),
      user.unmapDirty(AT, 4n * PAGE, { pgsize: 0x200000n }),
      user.unmapDirty(AT, 4n * PAGE, { size: 0n }),
      user.unmapDirty(AT, 2n * PAGE),
    ]).toEqual(Array(4).fill('EINVAL'))
    expect([user.unmapDirty(AT, 4n * PAGE), user.word(), user.unmap(AT, 4n * PAGE)]).toEqual([
      0x4000n,
      0xfn,
      0n,
    ])
  })
})
