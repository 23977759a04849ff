/**
 * C structs of linux/vfio.h as data: little-endian, each field aligned to its size.
 */

/** Types of a field. */
export type FieldType = 'u16' | 'u32' | 'u64' | 's32'

/** Fields of a struct, in order. */
export type Fields = Readonly<Record<string, FieldType>>

/** What a field is in TypeScript: 64 bits do not fit a number. */
export type FieldValue<T extends FieldType> = T extends 'u64' ? bigint : number

/** The values of a struct. */
export type StructValue<F extends Fields> = { readonly [K in keyof F]: FieldValue<F[K]> }

const SIZE_BYTES: Record<FieldType, number> = { u16: 2, u32: 4, u64: 8, s32: 4 }

const RANGES: Record<FieldType, readonly [least: number | bigint, most: number | bigint]> = {
  u16: [0, 0xffff],
  // A bit operation of JavaScript answers a signed number: -1 stands for 0xffffffff.
  u32: [-0x8000_0000, 0xffff_ffff],
  s32: [-0x8000_0000, 0x7fff_ffff],
  u64: [0n, 0xffff_ffff_ffff_ffffn],
}

/** The layout of one struct, as a C compiler lays it out on x86-64. */
export class Struct<F extends Fields> {
  readonly sizeBytes: number
  readonly #layout: readonly { name: keyof F & string; type: FieldType; offset: number }[]

  constructor(
    readonly name: string,
    readonly fields: F,
  ) {
    let end = 0
    let alignment = 1
    this.#layout = Object.entries(fields).map(([field, type]) => {
      const offset = Math.ceil(end / SIZE_BYTES[type]) * SIZE_BYTES[type]
      end = offset + SIZE_BYTES[type]
      alignment = Math.max(alignment, SIZE_BYTES[type])
      return { name: field, type, offset }
    })
    this.sizeBytes = Math.ceil(end / alignment) * alignment
  }

  /** Where a field begins, in bytes. */
  offsetOf(field: keyof F): number {
    const found = this.#layout.find(({ name }) => name === field)
    if (found === undefined) throw new TypeError(`${this.name} has no field ${String(field)}`)
    return found.offset
  }

  /**
   * Reads a struct from the start of `bytes`. Fields beyond its end are zero, as in a user buffer
   * that the kernel copied `argsz` bytes of.
   */
  decode(bytes: Uint8Array, at = 0): StructValue<F> {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const values: Record<string, number | bigint> = {}
    for (const { name, type, offset } of this.#layout) {
      const present = at + offset + SIZE_BYTES[type] <= bytes.length
      values[name] = present ? readField(view, at + offset, type) : type === 'u64' ? 0n : 0
    }
    return values as StructValue<F>
  }

  /**
   * Writes the given fields; those that do not fit into `bytes` are left out, like a short user copy.
   *
   * @throws RangeError for a value that its field cannot hold: nothing is cut off silently.
   */
  write(bytes: Uint8Array, values: Partial<StructValue<F>>, at = 0): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (const { name, type, offset } of this.#layout) {
      const value = values[name]
      if (value === undefined) continue
      const [least, most] = RANGES[type]
      if (value < least || value > most) throw new RangeError(`${this.name}.${name} (${type}) is ${value}`)
      if (at + offset + SIZE_BYTES[type] > bytes.length) continue
      writeField(view, at + offset, type, value)
    }
  }

  /**
   * A new buffer with the struct, and `extraBytes` of zeros behind it.
   *
   * @throws RangeError for a value that its field cannot hold.
   */
  encode(values: Partial<StructValue<F>>, extraBytes = 0): Uint8Array {
    const bytes = new Uint8Array(this.sizeBytes + extraBytes)
    this.write(bytes, values)
    return bytes
  }
}

function readField(view: DataView, at: number, type: FieldType): number | bigint {
  switch (type) {
    case 'u16':
      return view.getUint16(at, true)
    case 'u32':
      return view.getUint32(at, true)
    case 's32':
      return view.getInt32(at, true)
    case 'u64':
      return view.getBigUint64(at, true)
  }
}

function writeField(view: DataView, at: number, type: FieldType, value: number | bigint): void {
  if (type === 'u64') view.setBigUint64(at, BigInt(value), true)
  else if (type === 'u16') view.setUint16(at, Number(value), true)
  else view.setUint32(at, Number(value) >>> 0, true)
}
