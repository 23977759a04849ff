import { describe, expect, it } from 'vitest'
import { SimulatedInterruptController } from './interrupt-controller.ts'

const nobody = (): void => expect.unreachable()

describe('SimulatedInterruptController', () => {
  it('brings a message to whom it was allocated for, and to nobody else', () => {
    const controller = new SimulatedInterruptController()
    const got: string[] = []
    const a = controller.allocate((vector) => got.push(`a${vector}`))
    const b = controller.allocate((vector) => got.push(`b${vector}`))
    expect(controller.deliver(a.address, a.data)).toBe(true)
    expect(controller.deliver(b.address, b.data)).toBe(true)
    expect(got).toEqual(['a0', 'b0'])
    expect(controller.deliver(0xfee0_0000n, 0xffff)).toBe(false)
    expect(controller.deliver(0xfed0_0000n, a.data)).toBe(false)
  })

  it('a block starts at a multiple of its rounded size: the low bits of the data are the vector', () => {
    const controller = new SimulatedInterruptController()
    controller.allocate(nobody)
    const got: number[] = []
    const block = controller.allocate((vector) => got.push(vector), 5)
    expect(block.data % 8).toBe(0)
    for (const vector of [0, 4, 7]) controller.deliver(block.address, block.data | vector)
    expect(got).toEqual([0, 4, 7])
  })

  it('a message that was freed arrives nowhere and is not handed out at once again', () => {
    const controller = new SimulatedInterruptController()
    const message = controller.allocate(nobody)
    controller.free(message)
    expect(controller.deliver(message.address, message.data)).toBe(false)
    expect(controller.allocate(nobody)).not.toEqual(message)
    expect(() => controller.free(message)).toThrow(RangeError)
  })

  it('only a whole block can be freed', () => {
    const controller = new SimulatedInterruptController()
    const { address, data } = controller.allocate(nobody, 4)
    expect(() => controller.free({ address, data: data + 1 })).toThrow(RangeError)
  })

  it('uses more than one address: 65,536 messages are not the end', () => {
    const controller = new SimulatedInterruptController()
    const addresses = new Set<bigint>()
    for (let index = 0; index < 65_540; index += 1) addresses.add(controller.allocate(nobody).address)
    expect([...addresses]).toEqual([0xfee0_0000n, 0xfee0_1000n])
  })

  it.each([0, 33, 1.5])('refuses a block of %d', (count) => {
    expect(() => new SimulatedInterruptController().allocate(nobody, count)).toThrow(RangeError)
  })
})
