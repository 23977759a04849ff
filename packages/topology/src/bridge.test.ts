import { ConfigSpace, decodeWindows, type Window } from '@vfiokit/topology'
import { expect, test } from 'vitest'

interface Registers {
  readonly io: readonly [number, number]
  readonly memory: readonly [number, number]
  readonly prefetchable: readonly [number, number]
  readonly upper?: readonly [number, number]
  readonly ioUpper?: readonly [number, number]
}

function header(registers: Registers): ConfigSpace {
  const bytes = new Uint8Array(64)
  const view = new DataView(bytes.buffer)
  bytes.set(registers.io, 0x1c)
  const words = [...registers.memory, ...registers.prefetchable]
  words.forEach((word, index) => void view.setUint16(0x20 + 2 * index, word, true))
  registers.upper?.forEach((dword, index) => void view.setUint32(0x28 + 4 * index, dword, true))
  registers.ioUpper?.forEach((word, index) => void view.setUint16(0x30 + 2 * index, word, true))
  return new ConfigSpace(bytes)
}

function sizeOf(window: Window | undefined): bigint | undefined {
  return window === undefined ? undefined : window.limit - window.base + 1n
}

const MIB = 2n ** 20n

test('fact 21: base above limit is closed; all-zero registers are open from 0', () => {
  const { io, memory, prefetchable } = decodeWindows(
    header({ io: [0xf1, 0x01], memory: [0xc000, 0xc010], prefetchable: [0x0001, 0xfff1], upper: [0, 0] }),
  )
  expect(io).toBeUndefined()
  expect(memory).toEqual({ base: 0xc0000000n, limit: 0xc01fffffn })
  expect(prefetchable).toEqual({ base: 0n, limit: 0xffffffffn })
  expect(sizeOf(prefetchable)).toBe(4096n * MIB)
  expect(decodeWindows(header({ io: [0, 0], memory: [0, 0], prefetchable: [0, 0] })).io).toEqual({
    base: 0n,
    limit: 0xfffn,
  })
})

test('fact 22: windows with upper halves', () => {
  const { io, memory, prefetchable } = decodeWindows(
    header({
      io: [0x21, 0x41],
      memory: [0xc000, 0xc1f0],
      prefetchable: [0xd001, 0xdff1],
      upper: [0x40, 0x41],
    }),
  )
  expect(io).toEqual({ base: 0x2000n, limit: 0x4fffn })
  expect(sizeOf(io)).toBe(12n * 1024n)
  expect(memory).toEqual({ base: 0xc0000000n, limit: 0xc1ffffffn })
  expect(prefetchable).toEqual({ base: 0x40d0000000n, limit: 0x41dfffffffn })
  expect(sizeOf(prefetchable)).toBe(4352n * MIB)
})

test('a 32-bit I/O window takes its upper halves', () => {
  const registers = { memory: [0xfff0, 0], prefetchable: [0xfff0, 0] } as const
  expect(decodeWindows(header({ io: [0x21, 0x41], ioUpper: [1, 2], ...registers })).io).toEqual({
    base: 0x12000n,
    limit: 0x24fffn,
  })
})

test('upper halves that contradict each other are both ignored', () => {
  const registers = { io: [0xf0, 0], memory: [0xfff0, 0], prefetchable: [0x0001, 0xfff1] } as const
  expect(decodeWindows(header({ ...registers, upper: [2, 1] })).prefetchable).toEqual({
    base: 0n,
    limit: 0xffffffffn,
  })
})
