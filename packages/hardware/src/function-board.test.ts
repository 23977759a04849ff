import { ConfigSpace } from '@vfiokit/topology'
import { describe, expect, it } from 'vitest'
import type { ModelBoard } from './device-model.ts'
import { ENDPOINT, ENDPOINT_BARS, endpointBytes, MSI, MSI_X, PM, topologyOf } from './fixtures/machine.ts'
import { type SimulatedFunction, SimulatedMachine } from './index.ts'

/** A function with 3 MSI-X vectors (table in BAR 0 at 0x2000, pending bits at 0x3000) and maskable MSI. */
function bench(): { machine: SimulatedMachine; fn: SimulatedFunction; board: ModelBoard } {
  const config = new ConfigSpace(
    endpointBytes([
      [MSI + 2, 2, 0x0184],
      [MSI_X + 2, 2, 2],
      [MSI_X + 4, 4, 0x2000],
      [MSI_X + 8, 4, 0x3000],
    ]),
  )
  let board: ModelBoard | undefined
  const machine = new SimulatedMachine(topologyOf({ bdf: ENDPOINT, config, bars: ENDPOINT_BARS }), {
    models: [
      (made) => {
        board = made
        return { readBar: (_, __, out) => void out.fill(0x11), writeBar: () => {}, reset: () => {} }
      },
    ],
  })
  return { machine, fn: machine.hardware(ENDPOINT)!, board: board! }
}

function read32(fn: SimulatedFunction, offset: number): number {
  const out = new Uint8Array(4)
  fn.readBar(0, offset, out)
  return new DataView(out.buffer).getUint32(0, true)
}

function write32(fn: SimulatedFunction, offset: number, value: number): void {
  const data = new Uint8Array(4)
  new DataView(data.buffer).setUint32(0, value, true)
  fn.writeBar(0, offset, data)
}

/** Puts a message of the machine's controller into an entry; `got` grows as it arrives. */
function fillEntry(machine: SimulatedMachine, fn: SimulatedFunction, vector: number, got: string[]): void {
  const message = machine.interruptController.allocate(() => got.push(`x${vector}`))
  const entry = 0x2000 + 16 * vector
  write32(fn, entry, Number(message.address))
  write32(fn, entry + 4, 0)
  write32(fn, entry + 8, message.data)
  write32(fn, entry + 12, 0)
}

describe('the interrupt pin', () => {
  it('shows in Status, and reaches the wire unless COMMAND disables it', () => {
    const { fn, board } = bench()
    const wire: boolean[] = []
    const stop = fn.interrupts.onIntx((asserted) => wire.push(asserted))
    board.setIntx(true)
    board.setIntx(true)
    expect([fn.readConfig(6, 2) & 8, fn.interrupts.intxAsserted]).toEqual([8, true])
    fn.writeConfig(4, 2, 0x0507)
    expect([fn.readConfig(6, 2) & 8, fn.interrupts.intxAsserted]).toEqual([8, false])
    fn.writeConfig(4, 2, 0x0107)
    expect(wire).toEqual([true, false, true])
    stop()
    board.setIntx(false)
    expect(wire).toHaveLength(3)
  })

  it.each(['flr', 'bus'] as const)('%s takes it down, before the model hears of it', (event) => {
    const { fn, board } = bench()
    board.setIntx(true)
    fn.receiveReset(event)
    expect([fn.readConfig(6, 2) & 8, fn.interrupts.intxAsserted]).toEqual([0, false])
  })

  it('a listener may look at the function and disable the pin', () => {
    const { fn, board } = bench()
    const seen: number[] = []
    fn.interrupts.onIntx((asserted) => {
      seen.push(fn.readConfig(6, 2) & 8)
      if (asserted) fn.writeConfig(4, 2, 0x0507)
    })
    board.setIntx(true)
    expect([fn.interrupts.intxAsserted, seen]).toEqual([false, [8, 8]])
  })

  it('enabling messages takes it down', () => {
    const { fn, board } = bench()
    board.setIntx(true)
    fn.writeConfig(MSI + 2, 2, 1)
    expect(fn.interrupts.intxAsserted).toBe(false)
  })
})

describe('MSI', () => {
  it('sends the vector in the low bits of the data, while enabled and bus master', () => {
    const { machine, fn, board } = bench()
    const got: number[] = []
    const message = machine.interruptController.allocate((vector) => got.push(vector), 4)
    fn.writeConfig(MSI + 4, 4, Number(message.address))
    fn.writeConfig(MSI + 12, 2, message.data)
    expect([board.sendMessage(0), board.messageVectors]).toEqual([false, 0])
    fn.writeConfig(MSI + 2, 2, 0x21)
    expect(board.messageVectors).toBe(4)
    expect([board.sendMessage(0), board.sendMessage(3)]).toEqual([true, true])
    fn.writeConfig(4, 2, 0x0103)
    expect(board.sendMessage(1)).toBe(true)
    expect(got).toEqual([0, 3])
    expect(() => board.sendMessage(4)).toThrow(RangeError)
  })

  it('keeps a masked vector pending, and sends it once when it is unmasked', () => {
    const { machine, fn, board } = bench()
    const got: number[] = []
    const message = machine.interruptController.allocate((vector) => got.push(vector), 2)
    fn.writeConfig(MSI + 4, 4, Number(message.address))
    fn.writeConfig(MSI + 12, 2, message.data)
    fn.writeConfig(MSI + 2, 2, 0x11)
    fn.writeConfig(MSI + 16, 4, 2)
    board.sendMessage(1)
    board.sendMessage(1)
    expect([fn.readConfig(MSI + 20, 4), got]).toEqual([2, []])
    fn.writeConfig(MSI + 16, 4, 0)
    expect([fn.readConfig(MSI + 20, 4), got]).toEqual([0, [1]])
  })
})

describe('MSI-X', () => {
  it('starts with zero entries that are masked, and is between the model and the bus', () => {
    const { fn } = bench()
    const words = [0x1ffc, 0x2000, 0x200c, 0x202c, 0x2030].map((offset) => read32(fn, offset))
    expect(words).toEqual([0x11111111, 0, 1, 1, 0x11111111])
  })

  it('sends what the table says of the vector', () => {
    const { machine, fn, board } = bench()
    const got: string[] = []
    for (const vector of [0, 2]) fillEntry(machine, fn, vector, got)
    fn.writeConfig(MSI_X + 2, 2, 0x8000)
    expect(board.messageVectors).toBe(3)
    for (const vector of [2, 0]) board.sendMessage(vector)
    expect(got).toEqual(['x2', 'x0'])
  })

  it('an entry or the whole function masked: pending bits, sent when the mask goes', () => {
    const { machine, fn, board } = bench()
    const got: string[] = []
    for (const vector of [0, 1, 2]) fillEntry(machine, fn, vector, got)
    fn.writeConfig(MSI_X + 2, 2, 0xc000)
    for (const vector of [0, 1]) board.sendMessage(vector)
    write32(fn, 0x201c, 1)
    expect([read32(fn, 0x3000), got]).toEqual([3, []])
    fn.writeConfig(MSI_X + 2, 2, 0x8000)
    expect([read32(fn, 0x3000), got]).toEqual([2, ['x0']])
    write32(fn, 0x201c, 0)
    expect([read32(fn, 0x3000), got]).toEqual([0, ['x0', 'x1']])
  })

  it('pending bits take no writes, narrow accesses read 0 and change nothing', () => {
    const { fn } = bench()
    write32(fn, 0x3000, 7)
    fn.writeBar(0, 0x2000, Uint8Array.of(0xff, 0xff))
    const byte = Uint8Array.of(0xff)
    fn.readBar(0, 0x200c, byte)
    expect([read32(fn, 0x3000), read32(fn, 0x2000), byte[0]]).toEqual([0, 0, 0])
  })

  it.each(['flr', 'bus'] as const)('%s makes every entry zero and masked', (event) => {
    const { machine, fn } = bench()
    fillEntry(machine, fn, 1, [])
    fn.receiveReset(event)
    fn.writeConfig(0x10, 4, 0xe0000000)
    fn.writeConfig(4, 2, 2)
    expect([0x2010, 0x2014, 0x2018, 0x201c].map((offset) => read32(fn, offset))).toEqual([0, 0, 0, 1])
  })

  it('a message to an address that is no interrupt is a write to memory', () => {
    const { machine, fn, board } = bench()
    const writes: string[] = []
    machine.dmaTarget = {
      read: () => false,
      write: (requester, iova, data) => writes.push(`${requester} ${iova} ${[...data]}`) > 0,
    }
    write32(fn, 0x2000, 0x1000)
    write32(fn, 0x2008, 0x01020304)
    write32(fn, 0x200c, 0)
    fn.writeConfig(MSI_X + 2, 2, 0x8000)
    board.sendMessage(0)
    expect(writes).toEqual([`${ENDPOINT} 4096 4,3,2,1`])
  })
})

describe('DMA', () => {
  it('faults until somebody keeps maps, and needs bus mastering and D0', () => {
    const { machine, fn, board } = bench()
    const out = new Uint8Array(2)
    expect([board.readMemory(0n, out), board.writeMemory(0n, out)]).toEqual([false, false])
    machine.dmaTarget = {
      read: (_, __, bytes) => {
        bytes.fill(9)
        return true
      },
      write: () => true,
    }
    expect([board.readMemory(0n, out), board.writeMemory(0n, out), out[1]]).toEqual([true, true, 9])
    fn.writeConfig(PM + 4, 2, 3)
    expect(board.readMemory(0n, out)).toBe(false)
    fn.writeConfig(PM + 4, 2, 0)
    fn.writeConfig(4, 2, 0x0103)
    expect([board.readMemory(0n, out), board.writeMemory(0n, out)]).toEqual([false, false])
  })
})

describe('legacy VGA addresses', () => {
  it('answer with ones where the model has no VGA core; accesses outside the windows are refused', () => {
    const { fn } = bench()
    const out = new Uint8Array(4)
    fn.readVga(0xa0000, out)
    fn.writeVga(0xa0000, out)
    expect([...out]).toEqual([0xff, 0xff, 0xff, 0xff])
    for (const address of [0x9fffc, 0xbfffe, 0x3b9, 0x3bc, 0x3de])
      expect(() => fn.readVga(address, out), `${address}`).toThrow(RangeError)
  })

  it('memory and ports answer in D0, whatever the decode bits say', () => {
    const config = new ConfigSpace(endpointBytes())
    const written: number[] = []
    const machine = new SimulatedMachine(topologyOf({ bdf: ENDPOINT, config, bars: ENDPOINT_BARS }), {
      models: [
        () => ({
          readBar: () => {},
          writeBar: () => {},
          readVga: (_, out) => void out.fill(5),
          writeVga: (address) => written.push(address),
          reset: () => {},
        }),
      ],
    })
    const fn = machine.hardware(ENDPOINT)!
    const answers = (): number[] =>
      [0xa0000, 0x3c0].map((address) => {
        const out = new Uint8Array(1)
        fn.readVga(address, out)
        fn.writeVga(address, out)
        return out[0]!
      })
    const seen = [0, 3].map((command) => {
      fn.writeConfig(4, 2, command)
      return answers()
    })
    fn.writeConfig(PM + 4, 2, 3)
    expect([...seen, answers()]).toEqual([
      [5, 5],
      [5, 5],
      [0xff, 0xff],
    ])
    expect(written).toEqual([0xa0000, 0x3c0, 0xa0000, 0x3c0])
  })
})
