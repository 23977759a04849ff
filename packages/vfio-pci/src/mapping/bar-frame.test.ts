import { BarFrame } from '@vfiokit/vfio-pci'
import { describe, expect, test } from 'vitest'
import { BDF, fixtureMachine, fixtureTopology } from '../fixtures/machine.ts'
import { spyOn } from '../fixtures/spy-model.ts'

describe('a page of a BAR', () => {
  test('a load is one access, as wide as it is', () => {
    const spy = spyOn('nvme')
    const hardware = fixtureMachine(fixtureTopology(), { models: [spy.model] }).hardware(BDF.nvme)!
    const frame = new BarFrame(hardware, 0, 0x1000)
    for (const width of [1, 2, 4, 8]) frame.load(0x10, new Uint8Array(width))
    frame.store(3, new Uint8Array(4))
    expect(spy.accesses).toEqual(['r1@0x1010', 'r2@0x1010', 'r4@0x1010', 'r8@0x1010', 'w4@0x1003'])
  })

  test('a copy of another length is cut into aligned accesses', () => {
    const spy = spyOn('nvme')
    const hardware = fixtureMachine(fixtureTopology(), { models: [spy.model] }).hardware(BDF.nvme)!
    new BarFrame(hardware, 0, 0).store(
      0x103,
      Uint8Array.from({ length: 14 }, (_, at) => at),
    )
    expect(spy.accesses).toEqual(['w1@0x103', 'w4@0x104', 'w8@0x108', 'w1@0x110'])
  })

  test('behind the end of a BAR that is smaller than a page are ones, and stores are lost', () => {
    const hardware = fixtureMachine(fixtureTopology()).hardware(BDF.lone)!
    const frame = new BarFrame(hardware, 0, 0)
    const out = new Uint8Array(8)
    frame.store(0x1fc, new Uint8Array(8).fill(0x11))
    frame.load(0x1fc, out)
    expect([...out]).toEqual([0x11, 0x11, 0x11, 0x11, 0xff, 0xff, 0xff, 0xff])
    frame.load(0x800, out)
    expect([...out]).toEqual(new Array(8).fill(0xff))
  })

  test('two are the same when function, BAR and place are', () => {
    const machine = fixtureMachine(fixtureTopology())
    const nvme = machine.hardware(BDF.nvme)!
    const frame = new BarFrame(nvme, 0, 0x1000)
    expect(frame.isSame(new BarFrame(nvme, 0, 0x1000))).toBe(true)
    expect(frame.isSame(new BarFrame(nvme, 0, 0))).toBe(false)
    expect(frame.isSame(new BarFrame(machine.hardware(BDF.edu)!, 0, 0x1000))).toBe(false)
    expect(`${frame}`).toBe('0000:01:00.0 BAR 0 + 0x1000')
  })

  test('a BAR that is not there has no page', () => {
    const hardware = fixtureMachine(fixtureTopology()).hardware(BDF.edu)!
    expect(() => new BarFrame(hardware, 3, 0)).toThrow(RangeError)
  })
})
