/** Values that arguments of several steps have. */
import { z } from 'zod'

/** How things are called. */
export const name: z.ZodType<string> = z
  .string()
  .regex(/^[A-Za-z][\w.-]*$/, 'a name: a letter, then letters, digits, _ . -')

/** Bytes. */
export const hex: z.ZodType<string> = z
  .string()
  .regex(/^([0-9a-fA-F]{2})+$/, 'bytes in hexadecimal, two digits each')

/** Larger than a number holds exactly: YAML gives it as a bigint. */
export const value: z.ZodType<number | bigint> = z.union([z.int().min(0), z.bigint()], {
  error: 'a whole number, at least 0',
})

/** A u64 of linux/vfio.h. */
export const number64: z.ZodType<number | bigint> = value.refine(
  (given) => BigInt(given) >= 0n && BigInt(given) >> 64n === 0n,
  { error: 'a whole number of 64 bits' },
)
