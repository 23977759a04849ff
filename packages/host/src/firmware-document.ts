/** What a host file says of firmware: memory by physical address, and numbers of functions. */
import { readFileSync } from 'node:fs'
import type { Firmware, MemoryRange } from '@vfiokit/hardware'
import { Bdf } from '@vfiokit/topology'
import { unreadableFile } from '@vfiokit/topology/node'
import { z } from 'zod'
import { type Complain, ConfigError } from './config-error.ts'
import { pathFrom } from './input-file.ts'

/** 64 bits do not fit a number of YAML: beyond 2^53 they are text. */
const number64 = z.union([
  z.number().int().nonnegative(),
  z.string().regex(/^0x[0-9a-f]{1,16}$/i, 'a whole number, or hexadecimal in quotes such as "0x7d000000"'),
])

const memoryRange = z
  .strictObject({
    start: number64,
    sizeBytes: z.number().int().positive().optional(),
    file: z.string().optional(),
  })
  .refine(({ sizeBytes, file }) => sizeBytes !== undefined || file !== undefined, {
    error: 'sizeBytes, or a file that is as long',
    when: ({ issues }) => issues.length === 0,
  })

/** Shape of the part of a host file. */
export const FIRMWARE_SCHEMA: z.ZodType<FirmwareDocument> = z.strictObject({
  memory: z.array(memoryRange).optional(),
  properties: z.record(z.string(), z.record(z.string(), number64)).optional(),
})

/** A number, or hexadecimal text: `0x7d000000`. */
export type Number64 = number | string

/** A range of memory: zeros, or what a file says. */
export interface MemoryDocument {
  readonly start: Number64
  /** Absent: as long as the file. */
  readonly sizeBytes?: number | undefined
  /** Relative to the host file. */
  readonly file?: string | undefined
}

/** What a host file says of firmware. */
export interface FirmwareDocument {
  readonly memory?: readonly MemoryDocument[] | undefined
  /** By function, then by name. */
  readonly properties?: Readonly<Record<string, Readonly<Record<string, Number64>>>> | undefined
}

/** @throws ConfigError for files that cannot be read, memory that overlaps, and names that are no function's. */
export function readFirmware(document: FirmwareDocument, folder: string, complain: Complain): Firmware {
  const { memory = [], properties = {} } = document
  return {
    memory: memory.map((range) => readRange(range, folder)),
    properties: Object.fromEntries(
      Object.entries(properties).map(([place, numbers]) => [
        functionAt(place, complain),
        Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, BigInt(value)])),
      ]),
    ),
  }
}

function readRange({ start, sizeBytes, file }: MemoryDocument, folder: string): MemoryRange {
  const contents = file === undefined ? undefined : readBytes(pathFrom(folder, file))
  return { start: BigInt(start), sizeBytes: sizeBytes ?? contents!.length, contents }
}

function readBytes(path: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path))
  } catch (cause) {
    throw new ConfigError([unreadableFile(path, cause)])
  }
}

function functionAt(place: string, complain: Complain): Bdf {
  try {
    return Bdf.parse(place)
  } catch {
    const complaint = {
      code: 'bdf-invalid',
      message: 'no place of a function',
      expected: 'a place such as 0000:01:00.0',
      found: place,
    }
    throw new ConfigError([complain(['firmware', 'properties', place], complaint)])
  }
}
