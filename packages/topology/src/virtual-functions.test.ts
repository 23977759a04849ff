import { Bdf, virtualFunctionAddresses } from '@vfiokit/topology'
import { expect, test } from 'vitest'

function addresses(
  physical: string,
  firstVfOffset: number,
  vfStride: number,
  count: number,
  lastBus?: number,
): unknown {
  const found = virtualFunctionAddresses(Bdf.parse(physical), { firstVfOffset, vfStride }, count, lastBus)
  return found.ok ? found.addresses : found.reason
}

test('fact 26: offset and stride run over device and bus', () => {
  expect(addresses('5e:00.0', 128, 4, 3)).toEqual(['0000:5e:10.0', '0000:5e:10.4', '0000:5e:11.0'])
  expect(addresses('5e:00.1', 384, 4, 2)).toEqual(['0000:5f:10.1', '0000:5f:10.5'])
})

test('fact 27: the sum carries from the function into the device and into the bus', () => {
  expect(addresses('01:00.0', 71, 1, 2)).toEqual(['0000:01:08.7', '0000:01:09.0'])
  const many = addresses('03:00.0', 4, 1, 253, 4) as string[]
  expect(many[251]).toBe('0000:03:1f.7')
  expect(many[252]).toBe('0000:04:00.0')
  expect(addresses('03:00.0', 4, 1, 253, 3)).toBe('bus-out-of-range')
})

test('fact 28: what is legal', () => {
  expect(addresses('01:00.0', 0, 1, 1)).toBe('offset-zero')
  expect(addresses('01:00.0', 8, 0, 2)).toBe('stride-zero')
  expect(addresses('01:00.0', 8, 0, 1)).toEqual(['0000:01:01.0'])
  expect(addresses('01:00.0', 0, 0, 0)).toEqual([])
})
