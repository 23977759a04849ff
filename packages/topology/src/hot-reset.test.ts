import { Bdf, deviceSetKey, hotReset, type Topology, yamlReader } from '@vfiokit/topology'
import { expect, test } from 'vitest'

const PORT = "{bdf: '00:01.0', id: '1b36:000c', class: '060400', bridge: {secondary: 1, subordinate: 3}}"

function machine(...functions: readonly string[]): Topology {
  const lines = [PORT, ...functions].map((line) => `  - ${line}\n`).join('')
  return yamlReader.read(`vfiokit: topology/1\nfunctions:\n${lines}`, {})
}

const bdf = (text: string) => Bdf.parse(text)

test('fact 41: a GPU and its audio function are hit together, and both must be owned', () => {
  const topology = machine("{bdf: '01:00.0', id: '10de:2684'}", "{bdf: '01:00.1', id: '10de:22ba'}")
  expect(hotReset(topology, bdf('01:00.0'))).toEqual({
    reported: ['0000:01:00.0', '0000:01:00.1'],
    deviceSet: ['0000:01:00.0', '0000:01:00.1'],
    possible: true,
    reason: 'everything that is hit must be bound to a VFIO driver and owned',
  })
})

test('a card alone on its bus needs nobody', () => {
  const topology = machine("{bdf: '01:00.0', id: '10de:2684'}")
  expect(hotReset(topology, bdf('01:00.0'))).toMatchObject({ possible: true, reason: 'nothing else is hit' })
})

test('fact 42: a bridge on the bus is reported with what is below it, and makes it impossible', () => {
  const topology = machine(
    "{bdf: '01:00.0', id: '10de:2684'}",
    "{bdf: '01:01.0', id: '1b36:0001', class: '060400', bridge: {secondary: 2, subordinate: 2}}",
    "{bdf: '02:00.0', id: '8086:100e'}",
  )
  expect(hotReset(topology, bdf('01:00.0'))).toMatchObject({
    reported: ['0000:01:00.0', '0000:01:01.0', '0000:02:00.0'],
    deviceSet: ['0000:01:00.0'],
    possible: false,
    reason: '0000:01:01.0 is a bridge, which no VFIO driver takes',
  })
})

test('fact 43: on a root bus there is none', () => {
  const topology = machine("{bdf: '00:02.0', id: '8086:1616'}")
  expect(hotReset(topology, bdf('00:02.0'))).toMatchObject({ reported: [], possible: false })
  expect(deviceSetKey(topology, bdf('00:02.0'))).toBe('0000:00:02.0')
})

test('a virtual function is a set of its own, so its bus can never be hot-reset', () => {
  const topology = machine(
    "{bdf: '01:00.0', id: '8086:10c9'}",
    "{bdf: '01:10.0', id: '8086:10ca', physfn: '01:00.0'}",
  )
  expect(hotReset(topology, bdf('01:00.0'))).toMatchObject({
    reported: ['0000:01:00.0', '0000:01:10.0'],
    deviceSet: ['0000:01:00.0'],
    possible: false,
    reason: '0000:01:10.0 is a virtual function, a set of its own',
  })
  expect(hotReset(topology, bdf('01:10.0')).deviceSet).toEqual(['0000:01:10.0'])
})

test('the key names the bus when there is no slot', () => {
  const topology = machine("{bdf: '01:00.0', id: '10de:2684'}")
  expect(deviceSetKey(topology, bdf('01:00.0'))).toBe('bus 0000:01')
})

test('a function that is not there is a mistake of the caller', () => {
  expect(() => hotReset(machine(), bdf('05:00.0'))).toThrow(RangeError)
})

test('functions of one bus share one list, however many ask', () => {
  const functions = Array.from({ length: 256 }, (_, at) => {
    const place = `${(at >> 3).toString(16).padStart(2, '0')}.${at & 7}`
    return `{bdf: '01:${place}', id: '1234:0001'}`
  })
  const topology = machine(...functions)
  const sets = new Set(topology.functions.slice(1).map((fn) => hotReset(topology, fn.bdf).deviceSet))
  expect(sets.size).toBe(1)
})
