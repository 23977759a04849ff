import { fileURLToPath } from 'node:url'
import { readTopologyFile } from '@vfiokit/topology/node'
import { expect, test } from 'vitest'
import { sharesAReset } from './shares-a-reset.ts'

const machine = readTopologyFile(fileURLToPath(new URL('../demo/multifn.json', import.meta.url)))

test('a function of a slot shares its reset with the others', () => {
  expect(sharesAReset(machine, '0000:01:00.0')).toEqual([
    '0000:01:00.0  1b36:0010  vfio-pci',
    '0000:01:00.1  8086:10d3  vfio-pci',
    '0000:01:00.2  1234:11e8  vfio-pci',
    '0000:01:00.3  1b36:0005  vfio-pci',
  ])
})

test.each([
  ['0000:00:03.0', 'neither the slot nor the bus of 0000:00:03.0 can be reset'],
  ['0000:7f:00.0', '0000:7f:00.0 is not in this machine'],
  ['the first one', 'the first one is not in this machine'],
])('%s: %s', (card, line) => {
  expect(sharesAReset(machine, card)).toEqual([line])
})
