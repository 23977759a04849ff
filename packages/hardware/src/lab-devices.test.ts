import { type Bar, Bdf, ConfigSpace } from '@vfiokit/topology'
import { describe, expect, it } from 'vitest'
import { configBytes, topologyOf } from './fixtures/machine.ts'
import { edu, pciTestdev, type SimulatedFunction, SimulatedMachine } from './index.ts'

const BDF = Bdf.parse('0000:00:03.0')
const memory = (index: 0 | 2, address: bigint, sizeBytes: number): Bar => ({
  index,
  kind: 'memory',
  width: 32,
  prefetchable: false,
  address,
  sizeBytes,
})

function bench(vendorDevice: number): { machine: SimulatedMachine; fn: SimulatedFunction } {
  const config = new ConfigSpace(
    configBytes({
      capabilities: [[0x05, 0x40]],
      registers: [
        [0, 4, vendorDevice],
        [4, 2, 7],
        [0x10, 4, 0xe0000000],
        [0x14, 4, 0xd001],
        [0x42, 2, 0x80],
      ],
    }),
  )
  const bars: readonly Bar[] = [
    memory(0, 0xe0000000n, 0x100000),
    { index: 1, kind: 'io', width: 32, prefetchable: false, address: 0xd000n, sizeBytes: 0x100 },
  ]
  const machine = new SimulatedMachine(topologyOf({ bdf: BDF, config, bars }), { models: [edu, pciTestdev] })
  return { machine, fn: machine.hardware(BDF)! }
}

function read(fn: SimulatedFunction, offset: number, width: number, bar: 0 | 1 = 0): bigint {
  const out = new Uint8Array(width)
  fn.readBar(bar, offset, out)
  return out.reduceRight((high, byte) => (high << 8n) | BigInt(byte), 0n)
}

function write(fn: SimulatedFunction, offset: number, width: number, value: bigint, bar: 0 | 1 = 0): void {
  fn.writeBar(
    bar,
    offset,
    Uint8Array.from({ length: width }, (_, at) => Number((value >> BigInt(8 * at)) & 0xffn)),
  )
}

describe('edu', () => {
  const EDU = 0x11e81234

  it('takes 4 bytes anywhere, 8 from 0x80 on, nothing narrower', () => {
    const { fn } = bench(EDU)
    write(fn, 4, 4, 0x0f0f0f0fn)
    write(fn, 4, 2, 0xffffn)
    write(fn, 0x80, 8, 0x1_0000_0002n)
    expect([read(fn, 0, 4), read(fn, 4, 4), read(fn, 4, 1)]).toEqual([0x010000edn, 0xf0f0f0f0n, 0n])
    expect([read(fn, 0, 8), read(fn, 0x80, 8), read(fn, 0x84, 4)]).toEqual([
      2n ** 64n - 1n,
      0x1_0000_0002n,
      0xffffffffn,
    ])
    write(fn, 0x80, 4, 7n)
    expect(read(fn, 0x80, 8)).toBe(7n)
  })

  it.each([
    [0n, 1n],
    [5n, 0x78n],
    [12n, 0x1c8cfc00n],
    [13n, 0x7328cc00n],
    [20n, 0x82b40000n],
    [34n, 0n],
  ])('computes %d!', (operand, result) => {
    const { machine, fn } = bench(EDU)
    write(fn, 8, 4, operand)
    expect([read(fn, 8, 4), read(fn, 0x20, 4)]).toEqual([operand, 1n])
    machine.clock.advance(10)
    expect([read(fn, 8, 4), read(fn, 0x20, 4)]).toEqual([result, 0n])
  })

  it('stays busy with a huge operand, also through a reset', () => {
    const { machine, fn } = bench(EDU)
    write(fn, 8, 4, 0xffffffffn)
    fn.receiveReset('bus')
    fn.writeConfig(0x10, 4, 0xe0000000)
    fn.writeConfig(4, 2, 7)
    machine.clock.advance(100_000)
    write(fn, 8, 4, 5n)
    expect([read(fn, 8, 4), read(fn, 0x20, 4)]).toEqual([0xffffffffn, 1n])
  })

  it('the pin is up while there is a status; with MSI each raise is a message', () => {
    const { machine, fn } = bench(EDU)
    write(fn, 0x60, 4, 3n)
    write(fn, 0x64, 4, 1n)
    expect([fn.interrupts.intxAsserted, read(fn, 0x24, 4)]).toEqual([true, 2n])
    write(fn, 0x64, 4, 2n)
    expect(fn.interrupts.intxAsserted).toBe(false)
    let got = 0
    const message = machine.interruptController.allocate(() => {
      got += 1
    })
    fn.writeConfig(0x44, 4, Number(message.address))
    fn.writeConfig(0x4c, 2, message.data)
    fn.writeConfig(0x42, 2, 1)
    for (let times = 0; times < 2; times += 1) write(fn, 0x60, 4, 1n)
    fn.writeConfig(4, 2, 2)
    write(fn, 0x60, 4, 1n)
    expect([got, fn.interrupts.intxAsserted]).toEqual([2, false])
  })

  it('DMA goes there and back in 100 ms each, and says so when asked to', () => {
    const { machine, fn } = bench(EDU)
    const ram = Uint8Array.of(1, 2, 3, 4, 0, 0, 0, 0)
    machine.dmaTarget = {
      read: (_, iova, out) => {
        out.set(ram.subarray(Number(iova), Number(iova) + out.length))
        return true
      },
      write: (_, iova, data) => {
        ram.set(data, Number(iova))
        return true
      },
    }
    const transfer = (from: bigint, to: bigint, command: bigint): void => {
      for (const [at, value] of [from, to, 4n, command].entries()) write(fn, 0x80 + 8 * at, 8, value)
    }
    transfer(0n, 0x40004n, 1n)
    machine.clock.advance(99)
    expect(read(fn, 0x98, 8)).toBe(1n)
    machine.clock.advance(1)
    transfer(0x40004n, 4n, 7n)
    machine.clock.advance(100)
    expect([...ram]).toEqual([1, 2, 3, 4, 1, 2, 3, 4])
    expect([read(fn, 0x98, 8), read(fn, 0x24, 4)]).toEqual([6n, 0x100n])
    transfer(0n, 0x40ffen, 1n)
    machine.clock.advance(100)
    expect(read(fn, 0x98, 8)).toBe(0n)
  })
})

describe('pci-testdev', () => {
  const TESTDEV = 0x00051b36

  it('shows the header of the selected test, and counts', () => {
    const { fn } = bench(TESTDEV)
    expect(read(fn, 0, 8)).toBe(0n)
    write(fn, 0, 4, 0x04030201n)
    expect([read(fn, 0, 8), read(fn, 8, 4), read(fn, 16, 4, 1)]).toEqual([
      0x0000080100000101n,
      0xcen,
      0x6f696d6dn,
    ])
    write(fn, 0x801, 1, 0x11n)
    write(fn, 0x800, 2, 0x1100n)
    expect(read(fn, 12, 4)).toBe(1n)
    write(fn, 0, 1, 0n)
    for (const byte of [0xfan, 0xfbn, 0xfan]) write(fn, 0x800, 1, byte)
    expect(read(fn, 12, 4)).toBe(2n)
  })

  it('ports select their own tests; another value and a bus reset select none', () => {
    const { fn } = bench(TESTDEV)
    write(fn, 0, 1, 2n, 1)
    expect([read(fn, 0, 8), read(fn, 8, 1)]).toEqual([0x0000008500000105n, 0xfan])
    fn.model.reset('flr')
    expect(read(fn, 0, 1)).toBe(5n)
    fn.model.reset('bus')
    expect(read(fn, 0, 8)).toBe(0n)
    write(fn, 0, 1, 2n, 1)
    write(fn, 0, 1, 9n)
    expect(read(fn, 0, 8)).toBe(0n)
  })
})
