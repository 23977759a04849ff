import { Bdf } from '@vfiokit/topology'
import fc from 'fast-check'
import { expect, test } from 'vitest'

test('every bus, device and function of a domain survives parse, parts and of', () => {
  for (let bus = 0; bus < 256; bus += 1) {
    for (let devfn = 0; devfn < 256; devfn += 1) {
      const parts = { domain: 0, bus, device: devfn >> 3, function: devfn & 7 }
      const bdf = Bdf.of(parts)
      if (Bdf.parse(bdf) !== bdf || Bdf.routingId(bdf) !== ((bus << 8) | devfn)) throw new Error(bdf)
      if (Bdf.fromRoutingId(0, Bdf.routingId(bdf)) !== bdf) throw new Error(bdf)
    }
  }
})

test('a domain of any width up to 31 bits survives', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0x7fffffff }), (domain) => {
      const bdf = Bdf.of({ domain, bus: 0xe0, device: 0x1f, function: 7 })
      expect(Bdf.parts(bdf)).toEqual({ domain, bus: 0xe0, device: 0x1f, function: 7 })
      expect(Bdf.parse(bdf.toUpperCase())).toBe(bdf)
    }),
  )
})

test('the text is canonical: four digits at least, lower case, no needless zeros', () => {
  expect(Bdf.parse('01:00.0')).toBe('0000:01:00.0')
  expect(Bdf.parse('00010000:E0:1F.7')).toBe('10000:e0:1f.7')
  expect(Bdf.parse('00000001:00:00.0')).toBe('0001:00:00.0')
})

test.each([
  '',
  '0000:01:00',
  '0000:01:00.8',
  '0000:01:20.0',
  '0000:01:00.a',
  '000:01:00.0',
  '80000000:00:00.0',
  '123456789:00:00.0',
  ' 0000:01:00.0',
  '0000:01:00.0\n',
  '0000:001:00.0',
])('%j is refused by name, not masked into range', (text) => {
  expect(Bdf.tryParse(text)).toBeUndefined()
  expect(() => Bdf.parse(text)).toThrow(`'${text}' is not a PCI address`)
})

test.each([
  [{ domain: -1 }, 'PCI domain -1'],
  [{ domain: 0x80000000 }, 'PCI domain 2147483648'],
  [{ bus: 256 }, 'PCI bus 256'],
  [{ device: 32 }, 'PCI device 32'],
  [{ function: 8 }, 'PCI function 8'],
  [{ function: 0.5 }, 'PCI function 0.5'],
  [{ bus: Number.NaN }, 'PCI bus NaN'],
])('of(%j) is refused', (wrong, message) => {
  expect(() => Bdf.of({ domain: 0, bus: 0, device: 0, function: 0, ...wrong })).toThrow(message)
})

test('order is numeric, whatever the width of the domain', () => {
  const ordered = ['0000:ff:1f.7', '0001:00:00.0', '10000:00:00.0', '10000:00:00.1', '10000:00:01.0'].map(
    Bdf.parse,
  )
  expect([...ordered].reverse().sort(Bdf.compare)).toEqual(ordered)
})
