import { fileURLToPath } from 'node:url'
import { Bdf, type FunctionInput, TopologyBuilder, writeLspciList, writeLspciTree } from '@vfiokit/topology'
import { readTopologyFile } from '@vfiokit/topology/node'
import fc from 'fast-check'
import { expect, test } from 'vitest'

function endpoint(bdf: string): FunctionInput {
  return { bdf: Bdf.parse(bdf), vendorId: 0x1b36, deviceId: 1, classCode: 0x020000 }
}

function bridge(bdf: string, secondary: number, subordinate = secondary): FunctionInput {
  return { ...endpoint(bdf), classCode: 0x060400, busNumbers: { primary: 0, secondary, subordinate } }
}

function tree(...inputs: readonly FunctionInput[]): readonly string[] {
  const builder = inputs.reduce((all, input) => all.addFunction(input), new TopologyBuilder())
  return writeLspciTree(builder.finish()).split('\n').slice(0, -1)
}

test('fact 1: a function and a bridge', () => {
  expect(tree(endpoint('00:00.0'), bridge('00:01.0', 1), endpoint('01:00.0'))).toEqual([
    '-[0000:00]-+-00.0',
    '           \\-01.0-[01]----00.0',
  ])
})

test('fact 2: a switch', () => {
  const inputs = [
    bridge('00:01.0', 1, 4),
    bridge('01:00.0', 2, 4),
    bridge('02:00.0', 3),
    bridge('02:01.0', 4),
  ]
  expect(tree(...inputs, endpoint('03:00.0'), endpoint('04:00.0'), endpoint('04:00.1'))).toEqual([
    '-[0000:00]---01.0-[01-04]----00.0-[02-04]--+-00.0-[03]----00.0',
    '                                           \\-01.0-[04]--+-00.0',
    '                                                        \\-00.1',
  ])
})

test('fact 3: several domains and roots', () => {
  const inputs = ['00:00.0', '0001:00:00.0', '10000:00:00.0', '10000:e0:00.0'].map(endpoint)
  expect(tree(...inputs)).toEqual([
    '-+-[0000:00]---00.0',
    ' +-[0001:00]---00.0',
    ' +-[10000:00]---00.0',
    ' \\-[10000:e0]---00.0',
  ])
})

test('fact 4: sub-buses without a bridge, a bridge that is not set up, an orphan bus', () => {
  const inputs = [bridge('00:01.0', 0), bridge('00:02.0', 1, 3), endpoint('02:00.0'), endpoint('05:00.0')]
  expect(tree(...inputs)).toEqual([
    '-+-[0000:00]-+-01.0--',
    ' |           \\-02.0-[01-03]--+-[0000:01]-',
    ' |                           \\-[0000:02]---00.0',
    ' \\-[0000:05]---00.0',
  ])
})

test('fact 5: what lspci loses is there', () => {
  expect(tree(bridge('00:01.0', 1), bridge('01:00.0', 1))).toEqual(['-[0000:00]---01.0-[01]----00.0-[01]--'])
})

test('a real machine, as lspci printed it', () => {
  const path = fileURLToPath(new URL('../fixtures/convpci-7.2.json.gz', import.meta.url))
  expect(writeLspciTree(readTopologyFile(path)).split('\n')).toEqual([
    '-[0000:00]-+-00.0',
    '           +-01.0-[01-03]----00.0-[02-03]--+-01.0',
    '           |                               +-02.0',
    '           |                               +-03.0',
    '           |                               +-04.0',
    '           |                               +-04.1',
    '           |                               \\-08.0-[03]----01.0',
    '           +-1e.0-[04]--+-01.0',
    '           |            \\-02.0',
    '           +-1f.0',
    '           +-1f.2',
    '           \\-1f.3',
    '',
  ])
})

test('each function is written once, whatever the data says', () => {
  const bdf = fc
    .record({ domain: fc.constant(0), bus: fc.nat(3), device: fc.nat(1), function: fc.nat(1) })
    .map(Bdf.of)
  const input = fc.record({
    bdf,
    classCode: fc.constantFrom(0x020000, 0x060400),
    busNumbers: fc.record({ primary: fc.nat(3), secondary: fc.nat(4), subordinate: fc.nat(4) }),
    parent: fc.option(bdf, { nil: undefined }),
  })
  fc.assert(
    fc.property(fc.uniqueArray(input, { maxLength: 16, selector: (one) => one.bdf }), (inputs) => {
      const written = tree(...inputs).flatMap((line) => line.match(/[0-9a-f]{2}\.[0-7]/g) ?? [])
      const given = inputs.map((one) => one.bdf.slice(one.bdf.lastIndexOf(':') + 1))
      expect(written.sort()).toEqual(given.sort())
    }),
    { numRuns: 1000 },
  )
})

test('a description stands behind what has nothing below it', () => {
  const topology = new TopologyBuilder().addFunction(endpoint('00:02.0')).finish()
  expect(writeLspciTree(topology, { describe: () => 'a card' })).toBe('-[0000:00]---02.0  a card\n')
  expect(writeLspciTree(new TopologyBuilder().finish())).toBe('')
})

test('lines of -n and -nn', () => {
  const input = {
    bdf: Bdf.parse('00:1f.2'),
    vendorId: 0x8086,
    deviceId: 0x2922,
    classCode: 0x010601,
    revision: 2,
  }
  const topology = new TopologyBuilder().addFunction(input).finish()
  expect(writeLspciList(topology)).toBe('00:1f.2 0106: 8086:2922 (rev 02)\n')
  const names = { className: 'SATA controller', vendor: 'Intel', device: 'ICH9 [AHCI]' }
  expect(writeLspciList(topology, { names: () => names })).toBe(
    '00:1f.2 SATA controller [0106]: Intel ICH9 [AHCI] [8086:2922] (rev 02)\n',
  )
  const wide = new TopologyBuilder()
    .addFunction({ ...input, bdf: Bdf.parse('10000:00:1f.2'), revision: 0 })
    .finish()
  expect(writeLspciList(wide)).toBe('10000:00:1f.2 0106: 8086:2922\n')
})
