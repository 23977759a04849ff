import { readFileSync } from 'node:fs'
import { Bdf, BUILTIN_READERS, formatDiagnostic } from '@vfiokit/topology'
import { describe, expect, test } from 'vitest'
import { pluginName } from './reader.ts'

const machine = readFileSync(new URL('../machine.txt', import.meta.url), 'utf8')
const card = '0000:01:00.0  1e5a:0001  120000'
const read = (...lines: string[]) =>
  pluginName.read(['device-table 1', ...lines].join('\n'), { file: 'table.txt' })

describe('a machine', () => {
  const topology = pluginName.read(machine, {})
  const fn = topology.function(Bdf.parse('0000:01:00.0'))

  test('is read without a fault', () => expect(topology.faults).toEqual([]))

  test('has what the table says of a function', () => {
    expect(fn).toMatchObject({ vendorId: 0x1e5a, deviceId: 0x0001, classCode: 0x120000, iommuGroup: 2 })
    expect(fn?.bars).toMatchObject([{ index: 0, address: 0xfe000000n, sizeBytes: 0x10000 }])
  })

  test('has the card behind the port whose buses say so', () => expect(fn?.parent).toBe('0000:00:01.0'))
})

describe('a text', () => {
  test('is recognised by its first line', () => expect(pluginName.recognises(machine)).toBe(true))

  test.each(['', 'device-table 2', '\ndevice-table 1', card, 'vfiokit: topology/1'])(
    'that begins otherwise is not: %j',
    (text) => expect(pluginName.recognises(text)).toBe(false),
  )

  test('is recognised by no reader that ships', () => {
    const others = BUILTIN_READERS.filter((reader) => reader.recognises(machine))
    expect(others.map(({ format }) => format)).toEqual([])
  })
})

describe('bad data', () => {
  test.each([
    [
      'nonsense',
      'table.txt:2: error: line is left out (expected address, vendor:device and class, found nonsense)',
    ],
    ['0000:01:00.9 1e5a:0001 120000', 'table.txt:2: error: line is left out'],
    ['0000:01:00.0 1e5a 120000', 'table.txt:2: error: line is left out'],
    [`${card} group=two`, 'table.txt:2: error: field is left out'],
    [`${card} constructor=1`, 'table.txt:2: error: field is left out'],
    [`${card} bar0=fe000000`, 'table.txt:2: error: field is left out'],
  ])('is a fault at its line: %s', (line, said) => {
    const { faults } = read(line)
    expect(faults.map(formatDiagnostic)).toEqual([expect.stringContaining(said)])
  })

  test('costs nothing but itself', () => {
    const { functions } = read('nonsense', `${card} group=two driver=acme`)
    expect(functions).toMatchObject([{ bdf: '0000:01:00.0', driver: 'acme', iommuGroup: undefined }])
  })

  test('never throws, wherever a file is cut off', () => {
    for (let length = 0; length < machine.length; length++)
      expect(() => pluginName.read(machine.slice(0, length), {})).not.toThrow()
  })
})
