import { expect, test } from 'vitest'
import { DeviceNumbers } from './device-numbers.ts'
import { machine } from './fixtures/machine.ts'

const devices = machine({ devices: ['a', 'b', 'c', 'd'] }).drivers.map(({ device }) => device)

test('the lowest number that is free is given, and found again', () => {
  const numbers = new DeviceNumbers()
  expect(devices.slice(0, 3).map((device) => numbers.give(device))).toEqual([0, 1, 2])
  numbers.takeBack(2)
  numbers.takeBack(0)
  expect([numbers.give(devices[3]!), numbers.give(devices[2]!), numbers.give(devices[0]!)]).toEqual([0, 2, 3])
  expect([0, 1, 2, 3, 4].map((number) => numbers.at(number)?.id)).toEqual(['d', 'b', 'c', 'a', undefined])
})
