/** The schema of a `topology/1` document: what people write, and what each text in it means. */
import { z } from 'zod'
import type { BarIndex } from '../bar.ts'
import { Bdf } from '../bdf.ts'
import type { FieldValue } from '../capability-layout.ts'
import { parseHexBytes } from '../hex-bytes.ts'

interface IdPair {
  readonly vendorId: number
  readonly deviceId: number
}

export interface BarDocument {
  readonly index: BarIndex | 'rom'
  readonly kind: 'io' | 'memory'
  readonly width?: 32 | 64 | undefined
  readonly prefetchable?: boolean | undefined
  readonly address?: bigint | undefined
  readonly size?: number | undefined
  readonly below1M?: true | undefined
  readonly enabled?: boolean | undefined
}

interface WindowDocument {
  readonly base: bigint
  readonly limit: bigint
}

export interface BridgeDocument {
  readonly primary?: number | undefined
  readonly secondary: number
  readonly subordinate: number
  readonly io?: WindowDocument | undefined
  readonly memory?: WindowDocument | undefined
  readonly prefetchable?: WindowDocument | undefined
}

export interface CapabilityDocument {
  /** A number, or the name of a capability. */
  readonly id: number | string
  readonly extended?: boolean | undefined
  readonly offset?: number | undefined
  readonly version?: number | undefined
  readonly data?: readonly (number | undefined)[] | undefined
  readonly fields?: Readonly<Record<string, FieldValue>> | undefined
}

export type ConfigDocument =
  | readonly (number | undefined)[]
  | {
      readonly known: number
      readonly rows: Readonly<Record<string, readonly (number | undefined)[]>>
    }

export interface FunctionDocument {
  readonly bdf: Bdf
  readonly id?: IdPair | undefined
  readonly class?: number | undefined
  readonly revision?: number | undefined
  readonly subsystem?: IdPair | undefined
  readonly multifunction?: boolean | undefined
  readonly parent?: Bdf | null | undefined
  readonly bridge?: BridgeDocument | undefined
  readonly bars?: readonly BarDocument[] | undefined
  readonly vfBars?: readonly BarDocument[] | undefined
  readonly driver?: string | undefined
  readonly iommuGroup?: number | undefined
  readonly resetMethods?: readonly string[] | undefined
  readonly attributes?: Readonly<Record<string, string>> | undefined
  readonly physfn?: Bdf | undefined
  readonly configSize?: 256 | 4096 | undefined
  readonly config?: ConfigDocument | undefined
  readonly capabilities?: readonly CapabilityDocument[] | undefined
}

export interface SlotDocument {
  readonly name: string
  readonly address: { readonly domain: number; readonly bus: number; readonly device: number | undefined }
  readonly driver?: string | undefined
}

export interface TopologyDocument {
  readonly vfiokit: 'topology/1'
  readonly functions: readonly unknown[]
  readonly slots?: readonly unknown[] | undefined
}

/** Something that is turned into a value; `expected` is what a diagnostic says instead. */
function value<T>(expected: string, parse: (given: unknown) => T | undefined): z.ZodType<T> {
  return z.unknown().transform((given, context) => {
    const parsed = parse(given)
    if (parsed !== undefined) return parsed
    context.issues.push({ code: 'custom', message: expected, input: given })
    return z.NEVER
  })
}

function text<T>(expected: string, parse: (text: string) => T | undefined): z.ZodType<T> {
  return value(expected, (given) => (typeof given === 'string' ? parse(given) : undefined))
}

function matched<T>(shape: RegExp, found: (match: RegExpExecArray) => T): (text: string) => T | undefined {
  return (given) => {
    const match = shape.exec(given)
    return match === null ? undefined : found(match)
  }
}

function hexNumber(digits: string | undefined): number {
  return Number.parseInt(digits ?? '', 16)
}

const bdf = text('a PCI address, [domain:]bus:device.function', Bdf.tryParse)

const bdfOrNull = value("a PCI address, or null for 'on a root bus'", (given) => {
  if (given === null) return { bdf: null }
  const parsed = typeof given === 'string' ? Bdf.tryParse(given) : undefined
  return parsed === undefined ? undefined : { bdf: parsed }
}).transform((parent) => parent.bdf)

const idPair = text(
  "two ids in quotes, 'vvvv:dddd'",
  matched(/^([0-9a-f]{4}):([0-9a-f]{4})$/i, (match) => ({
    vendorId: hexNumber(match[1]),
    deviceId: hexNumber(match[2]),
  })),
)

/** A number is refused: 010802 without quotes is ten thousand to YAML. */
const classCode = text(
  "a class in quotes, six hexadecimal digits: '010802'",
  matched(/^(?:0x)?([0-9a-f]{6})$/i, (match) => hexNumber(match[1])),
)

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 }

const size = value('a number of bytes, or one with a unit: 16K, 1M, 4G', (given) => {
  const match = /^([1-9]\d{0,15})([KMGT]?)$/.exec(String(given))
  const bytes = match === null ? 0 : Number(match[1]) * UNITS[match[2] ?? '']!
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined
})

const ADDRESS_MAX = 2n ** 64n - 1n

const address = value('an address from 0 to 2^64 - 1', (given) => {
  const isWhole = typeof given === 'bigint' || Number.isSafeInteger(given)
  const parsed = isWhole ? BigInt(given as number | bigint) : -1n
  return parsed >= 0n && parsed <= ADDRESS_MAX ? parsed : undefined
})

const hexBytes = text("pairs of hexadecimal digits, '..' for a byte that is not known", parseHexBytes)

function whole(max: number): z.ZodType<number> {
  return value(`a whole number from 0 to ${max}`, (given) => {
    return typeof given === 'number' && Number.isInteger(given) && given >= 0 && given <= max
      ? given
      : undefined
  })
}

const barSchema: z.ZodType<BarDocument> = z.strictObject({
  index: z.literal([0, 1, 2, 3, 4, 5, 'rom']),
  kind: z.enum(['io', 'memory']),
  width: z.literal([32, 64]).optional(),
  prefetchable: z.boolean().optional(),
  address: address.optional(),
  size: size.optional(),
  below1M: z.literal(true).optional(),
  enabled: z.boolean().optional(),
})

const windowSchema: z.ZodType<WindowDocument> = z.strictObject({ base: address, limit: address })

const bridgeSchema: z.ZodType<BridgeDocument> = z.strictObject({
  primary: whole(255).optional(),
  secondary: whole(255),
  subordinate: whole(255),
  io: windowSchema.optional(),
  memory: windowSchema.optional(),
  prefetchable: windowSchema.optional(),
})

const capabilityId = value('a number from 0 to 0xffff, or the name of a capability', (given) => {
  if (typeof given === 'string') return given
  return typeof given === 'number' && Number.isInteger(given) && given >= 0 && given <= 0xffff
    ? given
    : undefined
})

const fieldValue = value('true or false, a number or a word', (given) => {
  const isField = typeof given === 'boolean' || typeof given === 'number' || typeof given === 'string'
  return isField ? given : undefined
})

const capabilitySchema: z.ZodType<CapabilityDocument> = z.strictObject({
  id: capabilityId,
  extended: z.boolean().optional(),
  offset: whole(0xffc).optional(),
  version: whole(15).optional(),
  data: hexBytes.optional(),
  fields: z.record(z.string(), fieldValue).optional(),
})

const configRows = z.strictObject({
  known: whole(4096),
  rows: z.record(z.string().regex(/^[0-9a-f]{2,3}$/i, { error: 'a hexadecimal offset' }), hexBytes),
})

/** Either all bytes in one text, or how many are known and the rows that are not zero. */
const config: z.ZodType<ConfigDocument> = z.unknown().transform((given, context) => {
  const schema: z.ZodType<ConfigDocument> = typeof given === 'string' ? hexBytes : configRows
  const result = schema.safeParse(given)
  if (result.success) return result.data
  for (const issue of result.error.issues) context.issues.push({ ...issue, input: given } as never)
  return z.NEVER
})

export const functionSchema: z.ZodType<FunctionDocument> = z.strictObject({
  bdf,
  id: idPair.optional(),
  class: classCode.optional(),
  revision: whole(255).optional(),
  subsystem: idPair.optional(),
  multifunction: z.boolean().optional(),
  parent: bdfOrNull.optional(),
  bridge: bridgeSchema.optional(),
  bars: z.array(barSchema).optional(),
  vfBars: z.array(barSchema).optional(),
  driver: z.string().optional(),
  iommuGroup: whole(0x7fffffff).optional(),
  resetMethods: z.array(z.string()).optional(),
  attributes: z.record(z.string(), z.string()).optional(),
  physfn: bdf.optional(),
  configSize: z.literal([256, 4096]).optional(),
  config: config.optional(),
  capabilities: z.array(capabilitySchema).optional(),
})

export const slotSchema: z.ZodType<SlotDocument> = z.strictObject({
  name: z.string(),
  address: text(
    "a bus or a device on one, 'dddd:bb' or 'dddd:bb:dd'",
    matched(/^([0-9a-f]{4,8}):([0-9a-f]{2})(?::([01][0-9a-f]))?$/i, (match) => ({
      domain: hexNumber(match[1]),
      bus: hexNumber(match[2]),
      device: match[3] === undefined ? undefined : hexNumber(match[3]),
    })),
  ),
  driver: z.string().optional(),
})

export const topologySchema: z.ZodType<TopologyDocument> = z.strictObject({
  vfiokit: z.literal('topology/1'),
  functions: z.array(z.unknown()),
  slots: z.array(z.unknown()).optional(),
})
