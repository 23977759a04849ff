/** Checks measured on real kernels; an answer is of 5.10, 6.1, 6.12, 7.2. */
import { CONTAINER_IOCTL, IOMMU_TYPE, KERNEL_VERSIONS } from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { type Answer, type DmaUser, dmaUser } from '../fixtures/dma-user.ts'

const TOP = 2n ** 64n
const PAGE = 4096n
const AT = 0x100000n
interface Row {
  readonly what: string
  readonly call: (user: DmaUser) => Answer
  /** One answer stands for all kernels. */
  readonly answers: readonly Answer[]
}

function row(what: string, call: Row['call'], ...answers: Answer[]): Row {
  return { what, call, answers }
}

const EMPTY: readonly Row[] = [
  row('where nothing is', (u) => u.unmap(AT, PAGE), 0n),
  row('of size 0', (u) => u.unmap(AT, 0n), 'EINVAL'),
  row('of half a page', (u) => u.unmap(AT, 0x800n), 'EINVAL'),
  row('from inside a page', (u) => u.unmap(AT + 0x800n, PAGE), 'EINVAL'),
  row('that wraps', (u) => u.unmap(TOP - PAGE, 2n * PAGE), 'EINVAL', 'EINVAL', 'EINVAL', 'EOVERFLOW'),
  row('of nearly everything', (u) => u.unmap(0n, TOP - PAGE), 0n),
  row('with argsz 23', (u) => u.unmap(AT, PAGE, { argsz: 23 }), 'EINVAL'),
  row('with an unknown flag', (u) => u.unmap(AT, PAGE, { flags: 8 }), 'EINVAL'),
  row('with ALL', (u) => u.unmap(0n, 0n, { flags: 2 }), 'EINVAL', 0n, 0n, 0n),
  row('with ALL and an iova', (u) => u.unmap(PAGE, 0n, { flags: 2 }), 'EINVAL'),
  row('with ALL and a size', (u) => u.unmap(0n, PAGE, { flags: 2 }), 'EINVAL'),
  row('with ALL and DIRTY', (u) => u.unmap(0n, 0n, { flags: 3 }), 'EINVAL'),
  row('with VADDR and DIRTY', (u) => u.unmap(AT, PAGE, { flags: 5 }), 'EINVAL'),
  row('with ALL and VADDR', (u) => u.unmap(0n, 0n, { flags: 6 }), 'EINVAL', 0n, 0n, 0n),
  row('with a bad pointer', (u) => u.ask(CONTAINER_IOCTL.IOMMU_UNMAP_DMA, new Uint8Array(23)), 'EFAULT'),
]

/** On one mapping of four pages: what v2 answers, and v1. */
const PARTS: readonly [what: string, first: bigint, pages: bigint, v2: Answer, v1: Answer][] = [
  ['its first page', 0n, 1n, 'EINVAL', 0x4000n],
  ['its last page', 3n, 1n, 'EINVAL', 0n],
  ['its middle', 1n, 2n, 'EINVAL', 0n],
  ['from before it to its middle', -1n, 3n, 'EINVAL', 0x4000n],
  ['from its middle to behind it', 2n, 4n, 'EINVAL', 0n],
  ['all of it', 0n, 4n, 0x4000n, 0x4000n],
]

describe.each(KERNEL_VERSIONS.map((kernel, at) => ({ kernel, at })))('on $kernel', ({ kernel, at }) => {
  test.each(EMPTY)('an unmap $what', ({ call, answers }) => {
    expect(call(dmaUser(kernel))).toBe(answers[at] ?? answers[0])
  })

  test.each(PARTS)('an unmap of %s', (_what, first, pages, v2, v1) => {
    for (const [type, expected] of [
      [IOMMU_TYPE.TYPE1V2, v2],
      [IOMMU_TYPE.TYPE1, v1],
    ] as const) {
      const user = dmaUser(kernel, type)
      expect(user.map(AT, 4n * PAGE)).toBe(0)
      expect(user.unmap(AT + first * PAGE, pages * PAGE)).toBe(expected)
      const whole = 0x4000n
      expect(user.unmap(AT, whole)).toBe(expected === whole ? 0n : whole)
    }
  })

  test('an unmap of three mappings with a gap answers their sum', () => {
    const user = dmaUser(kernel)
    for (const [offset, size] of [
      [0n, 0x1000n],
      [0x1000n, 0x1000n],
      [0x4000n, 0x2000n],
    ] as const)
      expect(user.map(AT + offset, size)).toBe(0)
    expect(user.unmap(AT - PAGE, 0x6000n)).toBe('EINVAL')
    expect(user.unmap(AT - PAGE, 0x8000n)).toBe(0x4000n)
    expect(user.available()).toBe(65_535)
  })

  test('VADDR takes the address of whole mappings away, and MAP gives another', () => {
    const user = dmaUser(kernel)
    expect(user.map(AT, 2n * PAGE)).toBe(0)
    if (kernel === '5.10') {
      expect(user.unmap(AT, 2n * PAGE, { flags: 4 })).toBe('EINVAL')
      return
    }
    expect(user.unmap(AT, PAGE, { flags: 4 })).toBe('EINVAL')
    expect(user.unmap(AT, 2n * PAGE, { flags: 4 })).toBe(0x2000n)
    expect(user.unmap(AT, 2n * PAGE, { flags: 4 })).toBe('EINVAL')
    expect(user.map(AT, PAGE, { flags: 4 })).toBe('EINVAL')
    expect(user.map(AT, 2n * PAGE, { flags: 4 })).toBe(0)
    expect(user.map(AT, 2n * PAGE, { flags: 4 })).toBe('EINVAL')
    const v1 = dmaUser(kernel, IOMMU_TYPE.TYPE1)
    expect([v1.map(AT, 2n * PAGE), v1.unmap(AT, PAGE, { flags: 4 })]).toEqual([0, 0x2000n])
  })
})
