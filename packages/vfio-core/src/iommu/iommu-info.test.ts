import { IOMMU_INFO, KERNEL_VERSIONS, readChain } from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { dmaUser } from '../fixtures/dma-user.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

/** How a kernel lays GET_INFO out. */
const LAYOUTS = {
  '5.10': { needed: 116, struct: 20, sizes: 0xffff_ffff_ffff_f000n },
  '6.1': { needed: 116, struct: 20, sizes: 0x4020_1000n },
  '6.12': { needed: 120, struct: 24, sizes: 0x4020_1000n },
  '7.2': { needed: 120, struct: 24, sizes: 0x4020_1000n },
} as const

describe.each(KERNEL_VERSIONS)('on %s', (kernel) => {
  const { needed, struct, sizes } = LAYOUTS[kernel]

  test.each([0, 4, 15])('argsz %i is too small', (argsz) => {
    expect(() => dmaUser(kernel).info(argsz)).toThrow('EINVAL')
  })

  test.each([16, 20, 24, 32, 115])('argsz %i gets no capability, and learns how much it takes', (argsz) => {
    const bytes = dmaUser(kernel).info(argsz)
    expect(IOMMU_INFO.decode(bytes)).toMatchObject({ argsz: needed, flags: 3, iova_pgsizes: sizes })
    const written = Math.min(argsz, struct)
    expect(hex(bytes.subarray(16))).toBe('00'.repeat(written - 16) + 'a5'.repeat(argsz - written))
  })

  test.each([120, 512])('argsz %i gets all, and stays', (argsz) => {
    const bytes = dmaUser(kernel).info(argsz)
    const { argsz: left, cap_offset } = IOMMU_INFO.decode(bytes)
    expect([left, cap_offset]).toEqual([argsz, 24])
    const chain = readChain(bytes.subarray(0, needed), cap_offset)
    expect(chain.map(({ id }) => id)).toEqual([2, 3, 1])
    expect(hex(chain[0]!.body)).toBe('000000000000000000100000000000000000001000000000')
    expect(hex(chain[1]!.body)).toBe(needed === 116 ? 'ffff0000' : 'ffff000000000000')
    const hole = '0000000000000000ffffdffe000000000000f0fe00000000ffffffffffff0000'
    expect(hex(chain[2]!.body)).toBe(`0200000000000000${hole}`)
    expect(hex(bytes.subarray(needed))).toBe('a5'.repeat(argsz - needed))
  })
})
