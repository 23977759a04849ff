import { Bdf, ConfigSpace, findCapability, TopologyBuilder, walkCapabilities } from '@vfiokit/topology'
import fc from 'fast-check'
import { expect, test } from 'vitest'

/** A configuration space of zeros with some 16-bit or 32-bit values written into it. */
function config(
  sizeBytes: number,
  words: Record<number, number>,
  dwords: Record<number, number> = {},
): ConfigSpace {
  const bytes = new Uint8Array(sizeBytes)
  const view = new DataView(bytes.buffer)
  for (const [offset, value] of Object.entries(words)) view.setUint16(Number(offset), value, true)
  for (const [offset, value] of Object.entries(dwords)) view.setUint32(Number(offset), value, true)
  return new ConfigSpace(bytes)
}

function walk(space: ConfigSpace): { found: string[]; faults: string[]; known: string } {
  const { capabilities, faults, known } = walkCapabilities(space, 0, 0x020000)
  return {
    found: capabilities.map((entry) => `${entry.name}@${entry.offset.toString(16)}`),
    faults: faults.map((fault) => fault.code),
    known,
  }
}

const LIST = { 6: 0x10 }
const PCIE_AT_40 = { ...LIST, 52: 0x40, 64: 0x0010, 66: 0x0002 }

test('fact 13: a list that comes back on itself keeps what was walked and says that it loops', () => {
  expect(walk(config(256, { ...LIST, 52: 0x40, 64: 0x5001, 80: 0x4005 }))).toEqual({
    found: ['power-management@40', 'msi@50'],
    faults: ['capability-list-loops'],
    known: 'part',
  })
})

test('fact 14: the two lowest bits of a pointer are ignored', () => {
  expect(walk(config(256, { ...LIST, 52: 0x41, 64: 0x0001 })).found).toEqual(['power-management@40'])
})

test('fact 15: a pointer into the header ends the list with a fault', () => {
  const { found, faults } = walk(config(256, { ...LIST, 52: 0x20, 32: 0x0001 }))
  expect(found).toEqual([])
  expect(faults).toEqual(['capability-pointer-in-header'])
})

test('fact 16: id ff breaks the list', () => {
  const { found, faults } = walk(config(256, { ...LIST, 52: 0x40, 64: 0x5001, 80: 0x00ff }))
  expect(found).toEqual(['power-management@40'])
  expect(faults).toEqual(['capability-list-broken'])
})

test('fact 17: an extended list that loops keeps what was walked', () => {
  const extended = { 256: 0x15010001, 336: 0x1001000d }
  const { found, faults, known } = walk(config(4096, PCIE_AT_40, extended))
  expect(found).toEqual(['pci-express@40', 'advanced-error-reporting@100', 'access-control-services@150'])
  expect(faults).toEqual(['capability-list-loops'])
  expect(known).toBe('part')
})

test('fact 18: an extended pointer below 0x100 is a fault, not a silent end', () => {
  const { found, faults } = walk(config(4096, PCIE_AT_40, { 256: 0x08010001 }))
  expect(found).toEqual(['pci-express@40', 'advanced-error-reporting@100'])
  expect(faults).toEqual(['capability-pointer-in-header'])
})

test('fact 19: an extended capability of id 0 is passed', () => {
  const { found, faults } = walk(config(4096, PCIE_AT_40, { 256: 0x15000000, 336: 0x0001000d }))
  expect(found).toEqual(['pci-express@40', 'null@100', 'access-control-services@150'])
  expect(faults).toEqual([])
})

test.each([0, 0xffffffff])('fact 20: header %d at 0x100 means that there is no extended list', (header) => {
  expect(walk(config(4096, PCIE_AT_40, { 256: header }))).toEqual({
    found: ['pci-express@40'],
    faults: [],
    known: 'all',
  })
})

test('without bit 4 of the status register there is no list', () => {
  expect(walk(config(256, { 52: 0x40, 64: 0x0001 }))).toEqual({ found: [], faults: [], known: 'all' })
})

test('a list of 48 is walked whole', () => {
  const words: Record<number, number> = { ...LIST, 52: 0x40 }
  for (let index = 0; index < 48; index += 1) {
    const next = index === 47 ? 0 : 0x44 + 4 * index
    words[0x40 + 4 * index] = (next << 8) | 0x09
  }
  const { found, faults } = walk(config(256, words))
  expect(found).toHaveLength(48)
  expect(faults).toEqual([])
})

test('a repeated capability is reported unless its kind may repeat', () => {
  const list = { ...LIST, 52: 0x40, 64: 0x5001, 80: 0x6001, 96: 0x7009, 112: 0x0009 }
  expect(walk(config(256, list)).faults).toEqual(['capability-repeated'])
})

test('an extended space that repeats the first 256 bytes is not walked', () => {
  const space = config(4096, PCIE_AT_40)
  const bytes = space.bytes
  bytes.set([0x86, 0x80, 0x01, 0x00])
  for (let offset = 256; offset < 4096; offset += 256) bytes.copyWithin(offset, 0, 256)
  expect(walk(new ConfigSpace(bytes))).toEqual({
    found: ['pci-express@40'],
    faults: ['extended-space-aliased'],
    known: 'all',
  })
})

test('64 bytes: the function is named, and its capabilities are unknown rather than absent', () => {
  const bdf = Bdf.parse('01:00.0')
  const topology = new TopologyBuilder()
    .addFunction({ bdf, config: config(64, { ...LIST, 52: 0x40 }) })
    .finish()
  const fn = topology.function(bdf)!
  expect(fn.capabilitiesKnown).toBe('nothing')
  expect(findCapability(fn, 0x10)).toBe('unknown')
  expect(topology.faults).toMatchObject([
    { code: 'config-truncated', bdf, expected: '256 or 4096 bytes', found: '64 bytes' },
  ])
  expect(topology.faults[0]?.message).toContain('0000:01:00.0')
})

test('256 bytes of a PCI Express function: the standard list is known, the extended one is not', () => {
  const dump = walkCapabilities(config(256, PCIE_AT_40), 0, 0x020000)
  const known = { capabilities: dump.capabilities, capabilitiesKnown: dump.known }
  expect(findCapability(known, 0x01)).toBeUndefined()
  expect(findCapability(known, 0x10)).toMatchObject({ offset: 0x40 })
  expect(findCapability(known, 0x0d, 'extended')).toBe('unknown')
})

test('256 bytes that are known to be all there is: there are no extended capabilities', () => {
  const { known } = walkCapabilities(config(256, PCIE_AT_40), 0, 0x020000, 256)
  expect(known).toBe('all')
})

test('any bytes: the walk ends, inside its limits, and never throws', () => {
  const sizes = fc.constantFrom(0, 5, 64, 100, 128, 256, 300, 4096)
  const space = sizes.chain((size) => fc.uint8Array({ minLength: size, maxLength: size }))
  fc.assert(
    fc.property(space, fc.constantFrom(0, 1, 2), (bytes, headerType) => {
      if (bytes.length > 0x34) bytes[0x06]! |= 0x10
      const { capabilities } = walkCapabilities(new ConfigSpace(bytes), headerType, 0x060000)
      expect(capabilities.length).toBeLessThanOrEqual(48 + 480)
      expect(new Set(capabilities.map((entry) => entry.offset)).size).toBe(capabilities.length)
    }),
  )
})
