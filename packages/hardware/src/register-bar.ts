/**
 * RegisterBar: a BAR of a profile that consists of registers. Accesses of 8 bytes are two of 4, low half first; an
 * access that is narrower than its register follows the register's rules; a wider one covers several.
 */
import type { ResetEvent } from './device-model.ts'
import type { ProfiledBar, ProfiledRegister } from './register-profile.ts'
import { RegisterValue } from './register-value.ts'

const WIDEST = 4

type RegistersByByte = ReadonlyMap<number, RegisterValue>

/** Constants are thousands, and the same in every device of a kind: they are made once for a profile. */
const constants = new WeakMap<ProfiledBar, RegistersByByte>()

export class RegisterBar {
  /** Every byte of a register leads to it. */
  readonly #own: Map<number, RegisterValue> = new Map()
  /** What lies between the registers and never changes. */
  readonly #between: RegistersByByte
  readonly #default: number

  constructor(profile: ProfiledBar, narrow: Pick<ProfiledRegister, 'read' | 'write'>) {
    this.#default = profile.default
    for (const register of profile.registers.flatMap(inHalves)) addTo(this.#own, register)
    this.#between = constantsOf(profile, narrow)
  }

  read(offset: number, out: Uint8Array): void {
    for (let done = 0; done < out.length; done += WIDEST)
      this.#readOne(offset + done, out.subarray(done, done + WIDEST))
  }

  write(offset: number, data: Uint8Array): void {
    for (let done = 0; done < data.length; done += WIDEST)
      this.#writeOne(offset + done, data.subarray(done, done + WIDEST))
  }

  /** Puts a register's value there, as something outside the access path did. @returns false: no register there. */
  assign(offset: number, value: bigint): boolean {
    const register = this.#at(offset)
    if (register === undefined) return false
    register.value = value
    return true
  }

  reset(event: ResetEvent): void {
    for (const register of new Set(this.#own.values())) register.reset(event)
  }

  #at(offset: number): RegisterValue | undefined {
    return this.#own.get(offset) ?? this.#between.get(offset)
  }

  #readOne(offset: number, out: Uint8Array): void {
    const register = this.#at(offset)
    if (register === undefined || (register.profile.sizeBytes < out.length && isComposed(register))) {
      this.#compose(offset, out)
      return
    }
    const { profile } = register
    const shift = offset - profile.offset
    const isWhole = shift === 0 && out.length >= profile.sizeBytes
    const mode = isWhole ? 'low' : profile.read
    if (mode === 'zero' || (mode === 'exact' && shift !== 0)) out.fill(0)
    else putBytes(out, register.read() >> BigInt(mode === 'bytes' ? 8 * shift : 0))
  }

  /** Byte by byte: what lies there is not one register. */
  #compose(offset: number, out: Uint8Array): void {
    for (let byte = 0; byte < out.length; byte += 1) {
      const register = this.#at(offset + byte)
      if (register === undefined) out[byte] = this.#default
      else
        out[byte] = Number((register.read() >> BigInt(8 * (offset + byte - register.profile.offset))) & 0xffn)
    }
  }

  #writeOne(offset: number, data: Uint8Array): void {
    const register = this.#at(offset)
    if (register === undefined) return
    const { sizeBytes } = register.profile
    const value = littleEndian(data)
    if (offset === register.profile.offset && data.length >= sizeBytes) {
      register.write(value)
      if (data.length > sizeBytes && isComposed(register))
        this.#writeOne(offset + sizeBytes, data.subarray(sizeBytes))
    } else writeNarrow(register, offset - register.profile.offset, value, data.length)
  }
}

function constantsOf(
  profile: ProfiledBar,
  narrow: Pick<ProfiledRegister, 'read' | 'write'>,
): RegistersByByte {
  const known = constants.get(profile)
  if (known !== undefined) return known
  const made = new Map<number, RegisterValue>()
  for (const { offset, end, pattern } of profile.bytes) {
    for (let at = offset; at + WIDEST <= end; at += WIDEST) {
      const bytes = [3, 2, 1, 0].map((byte) => BigInt(pattern[(at - offset + byte) % pattern.length]!))
      const initial = bytes.reduce((value, byte) => (value << 8n) | byte, 0n)
      addTo(made, constant(at, initial, narrow))
    }
  }
  constants.set(profile, made)
  return made
}

/** Where two overlap, the first one is there. */
function addTo(registers: Map<number, RegisterValue>, profile: ProfiledRegister): void {
  const register = new RegisterValue(profile)
  for (let byte = 0; byte < profile.sizeBytes; byte += 1)
    if (!registers.has(profile.offset + byte)) registers.set(profile.offset + byte, register)
}

function isComposed({ profile }: RegisterValue): boolean {
  return profile.read === 'bytes'
}

function writeNarrow(register: RegisterValue, shift: number, value: bigint, length: number): void {
  const under = (mask: bigint, bits: bigint): bigint => (register.value & ~mask) | bits
  const mask = (1n << BigInt(8 * length)) - 1n
  const own = shift === 0
  switch (register.profile.write) {
    case 'bytes':
      register.write(under(mask << BigInt(8 * shift), value << BigInt(8 * shift)))
      return
    case 'replace':
      if (own) register.write(value)
      return
    case 'replace-any':
      register.write(value)
      return
    case 'merge-exact':
      if (own) register.write(under(mask, value))
      return
    case 'merge16':
      if (own) register.write(under(0xffffn, value))
      return
    case 'ignored':
      return
  }
}

/** A register of 8 bytes answers as two of 4. */
function inHalves(register: ProfiledRegister): readonly ProfiledRegister[] {
  if (register.sizeBytes <= WIDEST) return [register]
  const half = (high: boolean): ProfiledRegister => {
    const of = (value: bigint): bigint => BigInt.asUintN(32, high ? value >> 32n : value)
    return {
      ...register,
      offset: register.offset + (high ? WIDEST : 0),
      sizeBytes: WIDEST,
      initial: of(register.initial),
      resetValue: of(register.resetValue),
      fixed: of(register.fixed),
      rwMask: register.rwMask === undefined ? undefined : of(register.rwMask),
      observed: register.observed.map(of),
    }
  }
  return [half(false), half(true)]
}

function constant(
  offset: number,
  initial: bigint,
  narrow: Pick<ProfiledRegister, 'read' | 'write'>,
): ProfiledRegister {
  const rest = { rwMask: undefined, fixed: 0n, clearedBy: [], resetValue: initial, observed: [] }
  return { ...narrow, ...rest, class: 'constant', offset, sizeBytes: WIDEST, initial }
}

function littleEndian(data: Uint8Array): bigint {
  return data.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n)
}

function putBytes(out: Uint8Array, value: bigint): void {
  for (let byte = 0; byte < out.length; byte += 1) out[byte] = Number((value >> BigInt(8 * byte)) & 0xffn)
}
