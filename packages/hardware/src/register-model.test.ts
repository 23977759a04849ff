import { formatDiagnostic } from '@vfiokit/topology'
import { describe, expect, it } from 'vitest'
import type { BarResource } from './pci-hardware.ts'
import { RegisterModel } from './register-model.ts'
import { parseRegisterProfile } from './register-profile.ts'

const DEVICE = {
  kind: 'card',
  id: '1234:5678',
  narrow: { read: 'low', write: 'replace-any' },
  wide: 'split',
  bars: [] as unknown[],
}
const register = (offset: string, more: object): object => ({
  offset,
  size: 4,
  class: 'storage',
  initial: '0x0',
  ...more,
})
const bar = (registers: readonly object[], more: object = {}): object => ({
  bar: 0,
  size: 0x1000,
  default: 'zero',
  registers,
  ...more,
})

function modelOf(over: object): RegisterModel {
  const { profile, diagnostics } = parseRegisterProfile(JSON.stringify({ ...DEVICE, ...over }))
  expect(diagnostics).toEqual([])
  const common = { kind: 'memory', width: 32, prefetchable: false, start: 0n } as const
  const resources: BarResource[] = [0, 1, 2].map((index) => ({
    ...common,
    bar: index as 0 | 1 | 2,
    sizeBytes: 0x10000,
  }))
  return new RegisterModel(profile!, resources)
}

const read = (model: RegisterModel, offset: number, width: number, index: 0 | 1 | 2 | 'rom' = 0): string => {
  const out = new Uint8Array(width)
  model.readBar(index, offset, out)
  return Buffer.from(out).toString('hex')
}
const write = (model: RegisterModel, offset: number, hex: string, index: 0 | 1 | 2 = 0): void =>
  model.writeBar(index, offset, Buffer.from(hex, 'hex'))

describe('a register', () => {
  it.each([
    ['constant', {}, '78563412'],
    ['volatile', {}, '78563412'],
    ['storage', { rwMask: '0xffff', fixed: '0x10000' }, 'ffff0100'],
    ['inverted', {}, '00000000'],
    ['logic', { observed: ['0xff', '0x0', '0x34', '0xcb'] }, 'ff000000'],
    ['logic', { observed: ['0x1', '0x2', '0x3', '0x4'] }, '78563412'],
  ])('of class %s %j', (kind, more, after) => {
    const model = modelOf({
      bars: [bar([register('0x10', { class: kind, initial: '0x12345678', ...more })])],
    })
    expect(read(model, 0x10, 4)).toBe('78563412')
    write(model, 0x10, 'ffffffff')
    expect(read(model, 0x10, 4)).toBe(after)
  })

  it('of class rc is cleared by a read', () => {
    const model = modelOf({ bars: [bar([register('0x0', { class: 'rc' })])] })
    write(model, 0, '01000000')
    expect([read(model, 0, 4), read(model, 0, 4)]).toEqual(['01000000', '00000000'])
  })

  it.each([
    ['bytes', ['41', '0202', '00']],
    ['low', ['41', '4102', '41']],
    ['exact', ['41', '0000', '00']],
    ['zero', ['00', '0000', '00']],
  ])('narrow reads: %s', (mode, expected) => {
    const model = modelOf({
      narrow: { read: mode, write: 'ignored' },
      bars: [bar([register('0x0', { class: 'constant', initial: '0x02020241' })])],
    })
    // The last byte of the register is 02 where it is memory.
    const last = mode === 'bytes' ? '02' : expected[2]
    expect([read(model, 0, 1), read(model, 2, 2), read(model, 3, 1)]).toEqual([
      expected[0],
      expected[1],
      last,
    ])
  })

  it.each([
    ['bytes', '11ffeeff'],
    ['replace', '11000000'],
    ['replace-any', 'ee000000'],
    ['merge-exact', '11ffffff'],
    ['merge16', '1100ffff'],
    ['ignored', 'ffffffff'],
  ])('narrow writes: %s', (mode, after) => {
    const model = modelOf({ narrow: { read: 'bytes', write: mode }, bars: [bar([register('0x0', {})])] })
    write(model, 0, 'ffffffff')
    write(model, 0, '11')
    write(model, 2, 'ee')
    expect(read(model, 0, 4)).toBe(after)
  })

  it('goes back where it was measured to, and only there', () => {
    const cleared = register('0x0', { initial: '0x1', resetValue: '0x2', clearedBy: ['bus'] })
    const model = modelOf({ bars: [bar([cleared, register('0x4', { clearedBy: [] })])] })
    write(model, 0, '0900000009000000')
    for (const event of ['flr', 'pm', 'pf-reset'] as const) model.reset(event)
    expect(read(model, 0, 8)).toBe('0900000009000000')
    model.reset('bus')
    expect(read(model, 0, 8)).toBe('0200000009000000')
  })
})

describe('a BAR', () => {
  it('reads its default where no register is, and takes no write there', () => {
    const model = modelOf({
      bars: [bar([], { default: 'ones', unprobed: [{ offset: '0x8', hex: '01020304' }] })],
    })
    write(model, 0, '00000000')
    write(model, 8, '00000000')
    expect([read(model, 0, 4), read(model, 8, 4), read(model, 12, 1)]).toEqual(['ffffffff', '01020304', 'ff'])
  })

  it('ram keeps bytes, from its first fill on, through events that do not clear it', () => {
    const init = [
      { offset: '0x0', hex: '0102' },
      { offset: '0x10', to: '0x18', fill: 'aabb' },
    ]
    const model = modelOf({ bars: [bar([], { class: 'ram', clearedBy: ['flr'], init })] })
    write(model, 1, 'ff')
    model.reset('bus')
    expect([read(model, 0, 4), read(model, 0x14, 8)]).toEqual(['01ff0000', 'aabbaabb00000000'])
    model.reset('flr')
    expect(read(model, 0, 4)).toBe('01020000')
  })

  it('alias shows the registers of the other BAR up to its limit', () => {
    const alias = bar([], { bar: 1, class: 'alias', of: 0, limit: '0x8' })
    const model = modelOf({ bars: [alias, bar([register('0x0', {}), register('0x8', {})])] })
    write(model, 0, '11111111', 1)
    write(model, 8, '22222222', 1)
    expect([read(model, 0, 4), read(model, 8, 4), read(model, 8, 4, 1)]).toEqual([
      '11111111',
      '00000000',
      '00000000',
    ])
  })

  it('ioaddr reaches the register whose address it holds', () => {
    const window = bar([], { bar: 2, class: 'ioaddr', of: 0 })
    const model = modelOf({ bars: [bar([register('0x20', {})]), window] })
    write(model, 0, '20000000', 2)
    write(model, 4, '44332211', 2)
    expect([read(model, 0, 4, 2), read(model, 4, 4, 2), read(model, 0x20, 4)]).toEqual([
      '20000000',
      '44332211',
      '44332211',
    ])
    expect(read(model, 8, 4, 2)).toBe('00000000')
  })

  it('the ROM is its image, then ones', () => {
    const model = modelOf({ rom: { image: '0x200', first512: '55aa04' } })
    expect([read(model, 0, 4, 'rom'), read(model, 0x1fe, 4, 'rom')]).toEqual(['55aa0400', '0000ffff'])
  })
})

it('a VGA core shows text memory in the window, and its ports', () => {
  const ports = { '0x3c0': '20', '0x3cc': '67', '0x3c4': '00' }
  const model = modelOf({
    bars: [bar([], { class: 'ram' }), bar([], { bar: 8, class: 'vga-legacy', ports })],
  })
  const vga = (address: number, width = 1): string => {
    const out = new Uint8Array(width)
    model.readVga!(address, out)
    return Buffer.from(out).toString('hex')
  }
  write(model, 0, '0102030405060708')
  expect([vga(0xb8000, 4), vga(0xa0000, 2), vga(0x3cc), vga(0x3b0)]).toEqual(['01020506', 'ffff', '67', 'ff'])
  expect([vga(0x3c0), vga(0x3da), vga(0x3c0)]).toEqual(['00', 'ff', '20'])
  model.writeVga!(0xb8003, Uint8Array.of(0xee))
  model.writeVga!(0x3c4, Uint8Array.of(2))
  expect([read(model, 5, 1), vga(0x3c4)]).toEqual(['ee', '02'])
  expect(modelOf({}).readVga).toBeUndefined()
})

describe('a profile that is not one', () => {
  it.each([
    ['{', 'a.json: error: file: not as expected (expected JSON'],
    ['[]', 'a.json: error: file: not as expected (expected an object'],
    [JSON.stringify({ ...DEVICE, id: 'x' }), 'a.json: error: id: not as expected'],
    [
      JSON.stringify({ ...DEVICE, bars: [bar([register('0x0', { class: 'w1c' })])] }),
      'bars[0].registers[0].class',
    ],
    [JSON.stringify({ ...DEVICE, bars: [bar([register('12', {})])] }), 'bars[0].registers[0].offset'],
    [JSON.stringify({ ...DEVICE, bars: [bar([register('0x0', { clearedBy: ['d3'] })])] }), '.clearedBy[0]'],
  ])('%s', (text, message) => {
    const { profile, diagnostics } = parseRegisterProfile(text, 'a.json')
    expect(profile).toBeUndefined()
    expect(diagnostics.map(formatDiagnostic).join('\n')).toContain(message)
  })
})
