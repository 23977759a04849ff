import type { Bar } from '@vfiokit/topology'
import { KERNEL_VERSIONS, type KernelVersion } from '@vfiokit/vfio-core'
import { expect, test } from 'vitest'
import { failure, REGION } from '../fixtures/guest.ts'
import { Host } from '../fixtures/host.ts'
import { functionOf, ROM, romImage } from '../fixtures/machine.ts'
import { spyOn } from '../fixtures/spy-model.ts'

const open = (kernel: KernelVersion = '7.2') => new Host({ kernel }).guest().open('nic')

test.each(KERNEL_VERSIONS)(
  'T17 the image can be read; behind it, up to the end of the BAR, are ones (%s)',
  (kernel) => {
    const nic = open(kernel)
    expect(nic.read(REGION.ROM, 0, ROM.imageBytes)).toEqual(romImage())
    expect([...nic.read(REGION.ROM, ROM.imageBytes - 2, 4)]).toEqual([0x5a, 0x5a, 0xff, 0xff])
    expect(nic.read(REGION.ROM, ROM.imageBytes, ROM.barBytes)).toEqual(new Uint8Array(1024).fill(0xff))
  },
)

test.each(KERNEL_VERSIONS)(
  'T17 writing it is EINVAL, reading behind its end too; with memory off it cannot be found (%s)',
  (kernel) => {
    const nic = open(kernel)
    expect(failure(() => nic.write(REGION.ROM, 0, new Uint8Array(4)))).toBe('EINVAL')
    expect(failure(() => nic.read(REGION.ROM, ROM.barBytes, 1))).toBe('EINVAL')
    nic.setMemory(false)
    expect(failure(() => nic.read(REGION.ROM, 0, 4))).toBe('ENOMEM')
    nic.setMemory(true)
    expect([...nic.read(REGION.ROM, 0, 2)]).toEqual([0x55, 0xaa])
  },
)

test.each(KERNEL_VERSIONS)(
  'T21 it is read by at most 4 bytes, after the image was looked for (%s)',
  (kernel) => {
    const spy = spyOn('nic')
    const nic = new Host({ kernel, models: [spy.model] }).guest().open('nic')
    spy.accesses.length = 0
    nic.read(REGION.ROM, 0x40, 16)
    expect(spy.accesses.slice(-4)).toEqual(['r4@0x40', 'r4@0x44', 'r4@0x48', 'r4@0x4c'])
    expect(spy.accesses.slice(0, -4).every((access) => access.startsWith('r1@'))).toBe(true)
  },
)

test('its enable bit is set for the moment of an access only', () => {
  const host = new Host()
  const nic = host.guest().open('nic')
  nic.read(REGION.ROM, 0, 64)
  expect(host.hardware('nic').readConfig(0x30, 4) & 1).toBe(0)
})

test('a function without ROM has none to read', () => {
  expect(failure(() => new Host().guest().open('edu').read(REGION.ROM, 0, 4))).toBe('EINVAL')
})

test.each([
  ['an image that says it is 0 long', 0x2c, [0, 0], 0],
  ['an image that is longer than the BAR', 0x2c, [0xff, 0xff], ROM.barBytes],
  ['a data structure that lies behind the BAR', 0x18, [0xff, 0xff], 0],
  ['a data structure without its signature', 0x1c, [0], 0],
])('%s', (_, at, bytes, readable) => {
  const host = new Host()
  const model = host.machine.hardware(host.hardware('nic').bdf)!.model as {
    memory?: (bar: 'rom') => { write(at: number, data: Uint8Array): void }
  }
  model.memory!('rom').write(at, Uint8Array.from(bytes))
  const nic = host.guest().open('nic')
  expect(nic.region(REGION.ROM).sizeBytes).toBe(readable)
  expect(failure(() => nic.read(REGION.ROM, 0, 4))).toBe(readable === 0 ? 'ENOMEM' : undefined)
})

test.each(KERNEL_VERSIONS)(
  'T17 a ROM that was copied to memory is found with memory off, but its read is EIO (%s)',
  (kernel) => {
    const shadow: Bar = {
      index: 'rom',
      kind: 'memory',
      width: 32,
      prefetchable: false,
      address: 0xc_0000n,
      sizeBytes: 2048,
    }
    const host = new Host({
      kernel,
      overrides: { nic: { bars: [...functionOf('nic').bars!.slice(0, 4), shadow] } },
    })
    const nic = host.guest().open('nic')
    expect(nic.region(REGION.ROM)).toMatchObject({ sizeBytes: 2048, flags: 1 })
    expect(nic.read(REGION.ROM, 0, 2)).toEqual(Uint8Array.of(0x55, 0xaa))
    nic.setMemory(false)
    expect(failure(() => nic.read(REGION.ROM, 0, 2))).toBe('EIO')
    expect(nic.region(REGION.ROM).sizeBytes).toBe(2048)
  },
)
