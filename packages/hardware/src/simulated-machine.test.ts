import { SimulatedMachine } from '@vfiokit/hardware'
import { type Bar, Bdf, ConfigSpace, type FunctionInput, TopologyBuilder } from '@vfiokit/topology'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  configBytes,
  ENDPOINT,
  ENDPOINT_BARS,
  endpointBytes,
  MSI,
  PCIE,
  smallMachine,
  topologyOf,
} from './fixtures/machine.ts'

const BDF = Bdf.parse('0000:00:05.0')

describe('incomplete configuration space', () => {
  it('of 64 bytes gives a working function: header as known, the rest reads 0 and is read-only', () => {
    const config = new ConfigSpace(endpointBytes().subarray(0, 64))
    const fn = new SimulatedMachine(topologyOf({ bdf: BDF, config, bars: ENDPOINT_BARS })).hardware(BDF)!
    expect(fn.configSizeBytes).toBe(256)
    expect(fn.readConfig(0, 4)).toBe(0x11e81234)
    fn.writeConfig(0x40, 4, 0xffffffff)
    expect(fn.readConfig(0x40, 4)).toBe(0)
    fn.writeBar(0, 0, Uint8Array.of(1))
    const out = new Uint8Array(1)
    fn.readBar(0, 0, out)
    expect(out[0]).toBe(1)
    expect(fn.powerState).toBe('D0')
    expect(fn.resetMethods).toEqual([])
  })

  it('of no bytes is rebuilt from ids, class and BARs, with decoding on', () => {
    const input: FunctionInput = {
      bdf: BDF,
      vendorId: 0x1234,
      deviceId: 0x5678,
      classCode: 0x010802,
      revision: 3,
      bars: ENDPOINT_BARS,
    }
    const fn = new SimulatedMachine(topologyOf(input)).hardware(BDF)!
    const header = [0x00, 0x04, 0x08, 0x10, 0x14, 0x18, 0x1c, 0x30].map((offset) => fn.readConfig(offset, 4))
    expect(header).toEqual([0x56781234, 3, 0x01080203, 0xe0000000, 0xd001, 0xc, 0x40, 0xe1000000])
    const out = new Uint8Array(8)
    fn.readBar(2, 2 ** 33, out)
    expect([...out]).toEqual([0, 0, 0, 0, 0, 0, 0, 0])
  })

  it('with holes: the header is rebuilt in them, other bytes read 0', () => {
    const bytes = endpointBytes([[0x204, 4, 0xffffffff]])
    const config = new ConfigSpace(bytes, [
      { start: 0x10, end: 0x14 },
      { start: 0x200, end: 0x210 },
    ])
    const fn = new SimulatedMachine(topologyOf({ bdf: BDF, config, bars: ENDPOINT_BARS })).hardware(BDF)!
    fn.writeConfig(0x200, 4, 0xffffffff)
    fn.writeConfig(0x210, 4, 0xffffffff)
    const values = [0x10, 0x200, 0x204, 0x210].map((offset) => fn.readConfig(offset, 4))
    expect(values).toEqual([0xe0000000, 0, 0, 0xffffffff])
  })

  it('of a PCI Express function ends at 4096 bytes even where the dump ended at 256', () => {
    const config = new ConfigSpace(endpointBytes().subarray(0, 256))
    const fn = new SimulatedMachine(topologyOf({ bdf: BDF, config })).hardware(BDF)!
    fn.writeConfig(0x200, 4, 0xffffffff)
    expect([fn.configSizeBytes, fn.readConfig(0x200, 4)]).toEqual([4096, 0])
  })

  it('with capabilities in its last bytes loses the registers that are outside', () => {
    for (const id of [0x01, 0x05, 0x10, 0x11, 0x13]) {
      const config = new ConfigSpace(configBytes({ capabilities: [[id, 0xfc]] }))
      const topology = topologyOf({ bdf: BDF, config, configSizeBytes: 256 })
      const fn = new SimulatedMachine(topology).hardware(BDF)!
      expect(fn.powerState).toBe('D0')
      expect(fn.readConfig(0xfc, 1)).toBe(id)
      expect(fn.resetMethods).toEqual([])
    }
  })

  it('with a looping capability list keeps the capabilities before the loop', () => {
    const bytes = endpointBytes()
    bytes[PCIE + 1] = MSI
    const fn = new SimulatedMachine(topologyOf({ bdf: BDF, config: new ConfigSpace(bytes) })).hardware(BDF)!
    fn.writeConfig(PCIE + 8, 2, 0xffff)
    expect(fn.readConfig(PCIE + 8, 2)).toBe(0xf)
    expect(fn.resetMethods).toEqual(['flr', 'pm'])
  })

  it('of any content makes a function that answers every access and survives every reset', () => {
    const lists = fc.array(fc.tuple(fc.constantFrom(1, 5, 9, 0x10, 0x11, 0x13, 0x77), fc.nat(47)), {
      maxLength: 6,
    })
    const content = fc.record({
      headerType: fc.constantFrom(0, 1, 2),
      noise: fc.uint8Array({ minLength: 4096, maxLength: 4096 }),
      sizeBytes: fc.constantFrom(64, 256, 4096),
      lists,
    })
    fc.assert(
      fc.property(content, ({ headerType, noise, sizeBytes, lists }) => {
        const bytes = noise.slice(0, sizeBytes)
        bytes.set(configBytes({ headerType, capabilities: [] }).subarray(0, 16))
        bytes[6] = 0x10
        let link = 0x34
        for (const [id, place] of lists) {
          const offset = 0x40 + 4 * place
          if (offset >= sizeBytes) break
          bytes[link] = offset
          bytes[offset] = id
          link = offset + 1
        }
        const fn = new SimulatedMachine(topologyOf({ bdf: BDF, config: new ConfigSpace(bytes) })).hardware(
          BDF,
        )!
        for (let offset = 0; offset < fn.configSizeBytes; offset += 4)
          fn.writeConfig(offset, 4, fn.readConfig(offset, 4))
        for (const method of ['flr', 'af_flr', 'pm', 'bus'] as const) fn.reset(method)
        fn.receiveReset('bus')
      }),
      { numRuns: 60 },
    )
  })
})

describe('registers that act', () => {
  it('Enhanced Allocation fixes BARs in place: their registers take no writes', () => {
    const config = new ConfigSpace(configBytes({ capabilities: [[0x14, 0x40]] }))
    const topology = topologyOf({ bdf: BDF, config, bars: [ENDPOINT_BARS[0]!] })
    const fn = new SimulatedMachine(topology).hardware(BDF)!
    fn.writeConfig(0x10, 4, 0xffffffff)
    expect(fn.readConfig(0x10, 4)).toBe(0)
  })

  it.each([
    [0, 0x10],
    [0x0004_0000, 0],
  ])(
    'a slot command on a port with slot capabilities %i sets command completed to %i',
    (slotCapabilities, status) => {
      const registers = [
        [0x42, 2, 0x0142],
        [0x54, 4, slotCapabilities],
      ] as const
      const config = new ConfigSpace(configBytes({ headerType: 1, capabilities: [[0x10, 0x40]], registers }))
      const fn = new SimulatedMachine(topologyOf({ bdf: BDF, config })).hardware(BDF)!
      fn.writeConfig(0x58, 2, 0x0040)
      expect(fn.readConfig(0x5a, 2)).toBe(status)
      fn.writeConfig(0x5a, 2, 0x0010)
      expect(fn.readConfig(0x5a, 2)).toBe(0)
    },
  )
})

describe('SimulatedMachine', () => {
  it('makes each function once, and knows none that the topology does not have', () => {
    const machine = smallMachine()
    expect(machine.hardware(ENDPOINT)).toBe(machine.hardware(ENDPOINT))
    expect(machine.hardware(Bdf.parse('0000:77:00.0'))).toBeUndefined()
  })

  it('names the function whose profile is no profile', () => {
    const machine = smallMachine({ profiles: () => ({ rw: 'no', w1c: '' }) })
    expect(() => machine.hardware(ENDPOINT)).toThrow('0000:01:00.0: profile member rw')
  })

  it('gives BAR accesses that reach the device to its model, and none that do not', () => {
    const seen: string[] = []
    const machine = smallMachine({
      models: [
        (board) => {
          if (board.identity.bdf !== ENDPOINT) return undefined
          return {
            readBar: (bar, offset, out) => void out.fill(board.busMaster ? 0xb0 + Number(bar) : offset),
            writeBar: (bar, offset, data) => seen.push(`${bar} ${offset} ${data.length}`),
            reset: (event) => seen.push(event),
          }
        },
      ],
    })
    const fn = machine.hardware(ENDPOINT)!
    const out = new Uint8Array(2)
    fn.readBar(0, 8, out)
    expect([...out]).toEqual([0xb0, 0xb0])
    fn.writeBar(1, 4, new Uint8Array(2))
    fn.writeConfig(4, 2, 0)
    fn.readBar(0, 8, out)
    fn.writeBar(1, 4, new Uint8Array(2))
    expect([...out]).toEqual([0xff, 0xff])
    fn.writeConfig(0x44, 2, 3)
    fn.writeConfig(0x44, 2, 0)
    fn.reset('flr')
    machine.secondaryBusReset(fn.identity.parent!)
    expect(seen).toEqual(['1 4 2', 'pm', 'flr', 'bus'])
  })

  it('of 65,536 functions is made at once, and each function when it is asked for', () => {
    const builder = new TopologyBuilder()
    const config = new ConfigSpace(configBytes({}))
    for (let routingId = 0; routingId < 65_536; routingId += 1) {
      builder.addFunction({ bdf: Bdf.fromRoutingId(0, routingId), config })
    }
    const topology = builder.finish()
    const before = performance.now()
    const machine = new SimulatedMachine(topology)
    expect(machine.hardware(Bdf.parse('ff:1f.7'))!.readConfig(0, 4)).toBe(0x11e81234)
    expect(performance.now() - before).toBeLessThan(500)
  })
})

it('what nothing answers for reads ones, or in memory zeros if that was measured; ports always ones', () => {
  const bdf = Bdf.parse('00:05.0')
  const bars: Bar[] = [
    { index: 0, kind: 'memory', width: 32, prefetchable: false, address: 0xfe00_0000n, sizeBytes: 4096 },
    { index: 1, kind: 'io', width: 32, prefetchable: false, address: 0xc000n, sizeBytes: 32 },
  ]
  const topology = new TopologyBuilder().addFunction({ bdf, vendorId: 1, deviceId: 2, bars }).finish()
  const silent = (silentMemory?: 'ones' | 'zeros') => {
    const profile = silentMemory && { rw: '', w1c: '', silentMemory }
    const hardware = new SimulatedMachine(topology, { profiles: () => profile }).hardware(bdf)!
    hardware.writeConfig(4, 2, 0)
    return ([0, 1] as const).map((bar) => {
      const out = new Uint8Array(1).fill(0x55)
      hardware.readBar(bar, 0, out)
      return out[0]
    })
  }
  expect([silent(), silent('ones'), silent('zeros')]).toEqual([
    [0xff, 0xff],
    [0xff, 0xff],
    [0, 0xff],
  ])
})
