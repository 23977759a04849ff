/**
 * Edu: QEMU's educational device (1234:11e8), as an example of a device model with interrupts and DMA.
 *
 * | offset | | offset | |
 * |---|---|---|---|
 * | 0x00 | identification | 0x60 | raises: status gets the bits, an interrupt is sent |
 * | 0x04 | stores the complement | 0x64 | acknowledges: status loses the bits |
 * | 0x08 | factorial, in place | 0x80, 0x88, 0x90 | DMA source, destination, count |
 * | 0x20 | bit 7: interrupt when the factorial is done | 0x98 | DMA command: 1 start, 2 to memory, 4 interrupt |
 * | 0x24 | interrupt status | else | ones |
 *
 * It takes accesses of 4 bytes, and of 8 from 0x80 on. No reset clears anything in it (measured): it keeps its
 * registers, its buffer, and a DMA that is under way.
 */
import type { DeviceModel, DeviceModelFactory, ModelBoard } from './device-model.ts'

const VENDOR = 0x1234
const DEVICE = 0x11e8

const IDENTIFICATION = 0x010000edn
const ONES = 0xffff_ffff_ffff_ffffn
const FACTORIAL_INTERRUPT = 0x80n
const FACTORIAL_DONE = 0x1n
const DMA_START = 0x1n
const DMA_TO_MEMORY = 0x2n
const DMA_INTERRUPT = 0x4n
const DMA_DONE = 0x100n
const DMA_MS = 100
/** Where the buffer is for the device's side of a DMA; no BAR shows it. */
const BUFFER_START = 0x40000n
const BUFFER_BYTES = 4096
/** More factors than this do not end in the time of a test; the real device goes on for minutes. */
const OPERAND_MAX = 0x0fff_ffffn
/** From here on 2 divides n! more than 32 times. */
const OPERAND_ZERO = 34n

interface Register {
  /** Reads ones without it. */
  readonly read?: () => bigint
  readonly write?: (value: bigint) => void
}

/** The model of every edu device; other functions are left to the next factory. */
export const edu: DeviceModelFactory = (board) =>
  board.identity.vendorId === VENDOR && board.identity.deviceId === DEVICE ? new Edu(board) : undefined

class Edu implements DeviceModel {
  readonly #board: ModelBoard
  readonly #buffer = new Uint8Array(BUFFER_BYTES)
  #inverted = 0n
  #factorial = 0n
  #isComputing = false
  #control = 0n
  #status = 0n
  #source = 0n
  #destination = 0n
  #count = 0n
  #command = 0n

  readonly #registers: ReadonlyMap<number, Register> = new Map<number, Register>([
    [0x00, { read: () => IDENTIFICATION }],
    [
      0x04,
      {
        read: () => this.#inverted,
        write: (value) => {
          this.#inverted = BigInt.asUintN(32, ~value)
        },
      },
    ],
    [0x08, { read: () => this.#factorial, write: (value) => this.#compute(value) }],
    [
      0x20,
      {
        read: () => this.#control | (this.#isComputing ? 1n : 0n),
        write: (value) => {
          this.#control = value & FACTORIAL_INTERRUPT
        },
      },
    ],
    [0x24, { read: () => this.#status }],
    [0x60, { write: (value) => this.#raise(value) }],
    [0x64, { write: (value) => this.#acknowledge(value) }],
    [
      0x80,
      this.#idle(
        () => this.#source,
        (value) => {
          this.#source = value
        },
      ),
    ],
    [
      0x88,
      this.#idle(
        () => this.#destination,
        (value) => {
          this.#destination = value
        },
      ),
    ],
    [
      0x90,
      this.#idle(
        () => this.#count,
        (value) => {
          this.#count = value
        },
      ),
    ],
    [
      0x98,
      this.#idle(
        () => this.#command,
        (value) => this.#startDma(value),
      ),
    ],
  ])

  constructor(board: ModelBoard) {
    this.#board = board
  }

  readBar(_bar: unknown, offset: number, out: Uint8Array): void {
    if (out.length < 4) {
      out.fill(0)
      return
    }
    const isTooWide = out.length === 8 && offset < 0x80
    const value = isTooWide ? ONES : (this.#registers.get(offset)?.read?.() ?? ONES)
    for (let byte = 0; byte < out.length; byte += 1) out[byte] = Number((value >> BigInt(8 * byte)) & 0xffn)
  }

  writeBar(_bar: unknown, offset: number, data: Uint8Array): void {
    if (data.length < 4 || (data.length === 8 && offset < 0x80)) return
    const value = data.reduceRight((high, byte) => (high << 8n) | BigInt(byte), 0n)
    this.#registers.get(offset)?.write?.(value)
  }

  reset(): void {}

  /** A DMA register: it takes no writes while a transfer is under way. */
  #idle(read: () => bigint, write: (value: bigint) => void): Register {
    return {
      read,
      write: (value) => {
        if ((this.#command & DMA_START) === 0n) write(value)
      },
    }
  }

  #compute(operand: bigint): void {
    if (this.#isComputing) return
    this.#factorial = operand
    this.#isComputing = true
    if (operand <= OPERAND_MAX) this.#board.clock.after(1, () => this.#finishFactorial(operand))
  }

  #finishFactorial(operand: bigint): void {
    let result = operand < OPERAND_ZERO ? 1n : 0n
    for (let factor = 2n; factor <= operand && result !== 0n; factor += 1n)
      result = BigInt.asUintN(32, result * factor)
    this.#factorial = result
    this.#isComputing = false
    if (this.#control !== 0n) this.#raise(FACTORIAL_DONE)
  }

  /** A message for each time, or else the pin for as long as there is a status. */
  #raise(bits: bigint): void {
    this.#status = BigInt.asUintN(32, this.#status | bits)
    if (this.#status === 0n) return
    if (!this.#board.sendMessage(0)) this.#board.setIntx(true)
  }

  #acknowledge(bits: bigint): void {
    this.#status &= ~bits
    if (this.#status === 0n && this.#board.messageVectors === 0) this.#board.setIntx(false)
  }

  #startDma(command: bigint): void {
    if ((command & DMA_START) === 0n) return
    this.#command = command
    this.#board.clock.after(DMA_MS, () => this.#finishDma())
  }

  /** Completes also when it moved nothing: outside the buffer, without bus mastering, on an IOMMU fault. */
  #finishDma(): void {
    const toMemory = (this.#command & DMA_TO_MEMORY) !== 0n
    const start = (toMemory ? this.#source : this.#destination) - BUFFER_START
    const isInside = start >= 0n && start + this.#count <= BigInt(BUFFER_BYTES)
    if (isInside && this.#count > 0n) {
      const part = this.#buffer.subarray(Number(start), Number(start + this.#count))
      if (toMemory) this.#board.writeMemory(this.#destination, part)
      else this.#readMemory(part)
    }
    this.#command &= ~DMA_START
    if ((this.#command & DMA_INTERRUPT) !== 0n) this.#raise(DMA_DONE)
  }

  #readMemory(part: Uint8Array): void {
    const got = new Uint8Array(part.length)
    if (this.#board.readMemory(this.#source, got)) part.set(got)
  }
}
