import { type Bar, Bdf, ConfigSpace, type FunctionInput, type PciFunction } from '@vfiokit/topology'
import { describe, expect, it } from 'vitest'
import { barResources } from './bar-resource.ts'
import { configImage } from './config-image.ts'
import type { WriteMasks } from './config-registers.ts'
import { topologyOf } from './fixtures/machine.ts'
import { MEASURED, type MeasuredBar, type MeasuredMasks } from './fixtures/measured-masks.ts'
import { defaultWriteMasks, writeMasks } from './write-masks.ts'

function bytes(runs: string, sizeBytes: number, fillBeyondHeader = 0): Uint8Array {
  const out = new Uint8Array(sizeBytes).fill(fillBeyondHeader, 0x40)
  for (const run of runs.split(' ').filter((text) => text !== '')) {
    const [offset, hex] = run.split(':') as [string, string]
    out.set(Buffer.from(hex, 'hex'), Number.parseInt(offset, 16))
  }
  return out
}

const withAddress = (bar: MeasuredBar): Bar => ({ ...bar, address: 0n })

function functionOf(measured: MeasuredMasks): PciFunction {
  const input: FunctionInput = {
    bdf: Bdf.parse('0000:00:01.0'),
    config: new ConfigSpace(bytes(measured.config, measured.sizeBytes)),
    bars: measured.bars.map(withAddress),
    // The SR-IOV capability places all of TotalVFs (8) with one register.
    vfBars: (measured.vfBars ?? []).map((bar) => ({ ...withAddress(bar), sizeBytes: 8 * bar.sizeBytes })),
  }
  return topologyOf(input).functions[0]!
}

function masksOf(measured: MeasuredMasks): WriteMasks {
  const fn = functionOf(measured)
  const { resources } = barResources(fn, undefined)
  return defaultWriteMasks(fn, configImage(fn, resources, undefined), resources)
}

function differences(ours: Uint8Array, theirs: Uint8Array): string[] {
  const hex = (value: number): string => value.toString(16)
  return [...ours].flatMap((mask, at) =>
    mask === theirs[at] ? [] : [`${hex(at)}: ${hex(mask)}, measured ${hex(theirs[at]!)}`],
  )
}

/** Where a device's choice cannot be told from its registers: a profile has it, the tables do not. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  // FLR starts and is not stored; the measurement took the bit from the emulator's own mask.
  nvme: ['89: 0, measured 80'],
  // PME enable without any PME support; no error reporting in device control.
  e1000e: ['cd: 0, measured 1f', 'e8: f, measured 0'],
  // The interlock bit of slot control is a command and is not stored.
  'root port': ['6d: 7, measured f'],
  // Power state cannot be changed.
  'pcie-to-pci bridge': ['88: 3, measured 0'],
  i82559c: ['e0: 3, measured 0', 'e1: 1, measured 0'],
  igb: ['45: 0, measured 1f', 'a8: f, measured 0', 'a9: 0, measured 80'],
}
const KNOWN_W1C: Readonly<Record<string, readonly string[]>> = {
  e1000e: ['cd: 0, measured 80', 'ea: f, measured 0'],
  i82559c: ['e1: 80, measured 0'],
  igb: ['45: 0, measured 80', 'aa: f, measured 0'],
}

describe('the register tables against measured devices', () => {
  it.each(MEASURED)('$name: writable bits agree, but for the differences listed', (measured) => {
    const ours = masksOf(measured)
    expect(differences(ours.rw, bytes(measured.rw, measured.sizeBytes, 0xff))).toEqual(
      KNOWN[measured.name] ?? [],
    )
    expect(differences(ours.w1c, bytes(measured.w1c, measured.sizeBytes))).toEqual(
      KNOWN_W1C[measured.name] ?? [],
    )
  })

  it.each(MEASURED.filter(({ resetMask }) => resetMask !== undefined))(
    '$name: a reset changes what was measured to change and keeps what was measured to stay',
    (measured) => {
      const ours = masksOf(measured)
      const changed = bytes(measured.resetMask!, measured.sizeBytes)
      const kept = bytes(measured.kept!, measured.sizeBytes)
      const missed = [...changed].flatMap((mask, at) => ((mask & ~ours.reset[at]!) === 0 ? [] : [at]))
      const lost = [...kept].flatMap((mask, at) =>
        (mask & ours.reset[at]! & ~ours.resetTo[at]!) === 0 ? [] : [at],
      )
      // igb resets one register of its own, which no structure describes.
      expect(missed).toEqual(measured.name === 'igb' ? [0x1a0, 0x1a1, 0x1a2, 0x1a3] : [])
      expect(lost).toEqual([])
    },
  )
})

describe('a profile', () => {
  const edu = MEASURED.find(({ name }) => name === 'edu')!
  const hex = (data: Uint8Array): string => Buffer.from(data).toString('hex')
  const apply = (profile: Parameters<typeof writeMasks>[3]): WriteMasks => {
    const fn = functionOf(edu)
    const { resources } = barResources(fn, profile)
    return writeMasks(fn, configImage(fn, resources, undefined), resources, profile)
  }
  const zeros = hex(new Uint8Array(256))

  it('replaces the masks of the bytes that it covers, and untested bits follow the emulator', () => {
    const untested = `${'00'.repeat(4)}07`
    const masks = apply({ rw: zeros, w1c: zeros, untested, qemuWmask: `${'00'.repeat(4)}05` })
    expect(differences(masks.rw, bytes('4:05', 256))).toEqual([])
    const short = apply({ rw: '00'.repeat(16), w1c: '' })
    expect(short.rw[0xc]).toBe(0xff)
    expect(apply({ rw: '00'.repeat(16), w1c: '00'.repeat(16) }).rw[0xc]).toBe(0)
  })

  it('adds what a raw reset was measured to change, and takes away what survived it', () => {
    const at = (offset: number, byte: string): string => `${'00'.repeat(offset)}${byte}`
    const raw = { bus: { resetMask: at(0x80, 'f0'), after: at(0x80, '50'), keptMask: at(0x0c, '0f') } }
    const { reset, resetTo } = apply({ rw: '', w1c: '', resets: { raw } })
    expect([reset[0x80], resetTo[0x80], reset[0x0c]]).toEqual([0xf0, 0x50, 0xf0])
  })

  it('does not take a bit that a reset sets for one that survives', () => {
    const igb = MEASURED.find(({ name }) => name === 'igb')!
    const fn = functionOf(igb)
    const profile = { rw: '', w1c: '', resets: { raw: { bus: { keptMask: hex(bytes('180:01', 4096)) } } } }
    const { reset, resetTo } = writeMasks(fn, configImage(fn, [], undefined), [], profile)
    expect([reset[0x180]! & 1, resetTo[0x180]! & 1]).toEqual([1, 1])
  })

  it('that is not hexadecimal is refused by name', () => {
    expect(() => apply({ rw: 'xyz', w1c: '' })).toThrow(
      'profile member rw: expected hexadecimal bytes, found xyz',
    )
    expect(() => apply({ rw: '', w1c: '', resets: { raw: { flr: { after: '123' } } } })).toThrow(
      'resets.raw.flr.after',
    )
  })
})
