/**
 * The `scenario/1` file: who runs what on which devices, and what must hold.
 */
import { z } from 'zod'
import { MIGRATION_STEPS, type MigrationStepTypes } from './migration-step-schema.ts'
import { hex, name, value } from './step-values.ts'

const count = z.int().min(1).max(10_000)
/** Of a region: its index stands above bit 40 of the file offset, which is a number. */
const region = z.int().min(0).max(8191)
const offset = z
  .int()
  .min(0)
  .max(2 ** 40 - 1)
const width = z.union([z.literal(1), z.literal(2), z.literal(4), z.literal(8)], { error: '1, 2, 4 or 8' })
/** What the schedule's generator keeps. */
const seed = z.int().min(0).max(0xffff_ffff)

/** What each step of a task needs. Every step has one key that says what it does. */
export interface StepArgumentTypes extends MigrationStepTypes {
  /** Loads through a mapping; `offset` and `width` in bytes. */
  readonly load: { readonly mapping: string; readonly offset: number; readonly width: 1 | 2 | 4 | 8 }
  readonly store: {
    readonly mapping: string
    readonly offset: number
    readonly width: 1 | 2 | 4 | 8
    readonly value: number | bigint
  }
  /** With `show` a timeline says what was read. */
  readonly read: RegionArguments & { readonly length: number; readonly show?: boolean | undefined }
  /** `data` in hexadecimal. */
  readonly write: RegionArguments & { readonly data: string }
  /** Writes the memory-enable bit of the command register. */
  readonly 'set-memory': DeviceArguments & { readonly on: boolean }
  /** Writes the power state of the PM capability. */
  readonly power: DeviceArguments & { readonly state: 'D0' | 'D1' | 'D2' | 'D3hot' }
  /** Writes the FLR bit of the PCI Express capability. */
  readonly flr: DeviceArguments
  /** VFIO_DEVICE_RESET. */
  readonly reset: DeviceArguments
  /**
   * `groups` by the devices in them; by default the device's own. While EBUSY `retry` asks up to 100 times;
   * `fail` makes EBUSY a failure of the task.
   */
  readonly 'hot-reset': DeviceArguments & {
    readonly groups?: readonly string[] | undefined
    readonly onBusy?: 'give-up' | 'retry' | 'fail' | undefined
  }
  /** Opens the device once more in the task's process. */
  readonly open: DeviceArguments
  /** Closes the descriptor that was opened last there. */
  readonly close: DeviceArguments
  readonly mmap: { readonly mapping: string }
  readonly munmap: { readonly mapping: string }
  /** The task's process forks: what it has mapped is shared by the process `into`, as its `copyOf` say. */
  readonly fork: { readonly into: string }
}

/** A step on a device, by its name in the scenario. */
export interface DeviceArguments {
  readonly device: string
}

/** A step on a region: its index, and an offset in bytes. */
export interface RegionArguments extends DeviceArguments {
  readonly region: number
  readonly offset: number
}

/** Names of the steps. */
export type StepName = keyof StepArgumentTypes
/** Arguments of one kind of step. */
export type StepArguments<K extends StepName> = StepArgumentTypes[K]

const onDevice = z.strictObject({ device: name })

const STEPS: { readonly [K in StepName]: z.ZodType<StepArgumentTypes[K]> } = {
  load: z.strictObject({ mapping: name, offset, width }),
  store: z
    .strictObject({ mapping: name, offset, width, value })
    .refine((store) => BigInt(store.value) >> BigInt(8 * store.width) === 0n, {
      error: 'a value that fits the width',
      path: ['value'],
    }),
  read: z.strictObject({ device: name, region, offset, length: count, show: z.boolean().optional() }),
  write: z.strictObject({ device: name, region, offset, data: hex }),
  'set-memory': z.strictObject({ device: name, on: z.boolean() }),
  power: z.strictObject({ device: name, state: z.enum(['D0', 'D1', 'D2', 'D3hot']) }),
  flr: onDevice,
  reset: onDevice,
  'hot-reset': z.strictObject({
    device: name,
    groups: z.array(name).optional(),
    onBusy: z.enum(['give-up', 'retry', 'fail']).optional(),
  }),
  open: onDevice,
  close: onDevice,
  mmap: z.strictObject({ mapping: name }),
  munmap: z.strictObject({ mapping: name }),
  fork: z.strictObject({ into: name }),
  ...MIGRATION_STEPS,
}

/** Every step that a scenario can take. */
export const STEP_NAMES: readonly StepName[] = Object.keys(STEPS) as StepName[]
/** One step: `{load: {...}, repeat: 2}`. */
export type StepDocument = {
  readonly [K in StepName]?: StepArguments<K> | undefined
} & { readonly repeat?: number | undefined }

const oneOf = `one step of ${STEP_NAMES.join(', ')}`
const step = z
  .strictObject({
    ...Object.fromEntries(Object.entries(STEPS).map(([key, schema]) => [key, schema.optional()])),
    repeat: count.optional(),
  })
  .refine((value) => Object.keys(value).filter((key) => key !== 'repeat').length === 1, {
    error: oneOf,
    // An unknown key may well be the step: it is told as such.
    when: ({ issues }) => issues.length === 0,
  })

/** First and last of `I4` or `I3-I5`; undefined for anything else, a range that runs backwards included. */
function invariantRange(check: string): readonly [string, string] | undefined {
  const [, first, last = first] = /^(I[1-8])(?:-(I[1-8]))?$/.exec(check) ?? []
  return first !== undefined && first <= last! ? [first, last!] : undefined
}

const check = z
  .string()
  .refine(
    (entry) => entry === 'deadlock' || entry === 'locks-left' || invariantRange(entry) !== undefined,
    'deadlock, locks-left, I1 to I8, or a range such as I1-I8',
  )

/** Every verdict, for checking files. */
export const VERDICTS = ['ok', 'violation', 'deadlock', 'unchecked', 'failed'] as const

/** Shape of a scenario file. */
export const SCENARIO_SCHEMA: z.ZodType<ScenarioDocument> = z.strictObject({
  vfiokit: z.literal('scenario/1'),
  host: z.string(),
  seed: seed.optional(),
  locks: z.strictObject({ fair: z.boolean() }).optional(),
  strategies: z.array(z.string()).min(1).optional(),
  processes: z.array(name).min(1),
  devices: z.record(name, z.string()),
  mappings: z
    .record(
      name,
      z.strictObject({
        process: name,
        device: name,
        region,
        offset,
        length: z
          .int()
          .min(1)
          .max(2 ** 40),
        prot: z.enum(['r', 'w', 'rw']).optional(),
        later: z.boolean().optional(),
        copyOf: name.optional(),
      }),
    )
    .optional(),
  tasks: z
    .array(z.strictObject({ name, process: name, count: count.optional(), do: z.array(step).min(1) }))
    .min(1),
  check: z.array(check).min(1).optional(),
  expect: z.record(z.string(), z.enum(VERDICTS)).optional(),
})

/** A mapping of a scenario. */
export interface MappingDocument {
  readonly process: string
  readonly device: string
  readonly region: number
  readonly offset: number
  readonly length: number
  /** `rw` when absent. */
  readonly prot?: 'r' | 'w' | 'rw' | undefined
  /** Made by an `mmap` step, not before the tasks begin. */
  readonly later?: boolean | undefined
  /** What a `fork` makes of that mapping of the parent: the same place of the device, in this process. */
  readonly copyOf?: string | undefined
}

/** A task of a scenario. */
export interface TaskDocument {
  readonly name: string
  readonly process: string
  /** How many of them run. */
  readonly count?: number | undefined
  readonly do: readonly StepDocument[]
}

/** What a scenario file says. */
export interface ScenarioDocument {
  readonly vfiokit: 'scenario/1'
  /** The host file, relative to this one. */
  readonly host: string
  readonly seed?: number | undefined
  readonly locks?: { readonly fair: boolean } | undefined
  /** Which strategies it is run under; absent: the host's. */
  readonly strategies?: readonly string[] | undefined
  /** The first opens every group and device, and hands the descriptors on. */
  readonly processes: readonly string[]
  readonly devices: Readonly<Record<string, string>>
  readonly mappings?: Readonly<Record<string, MappingDocument>> | undefined
  readonly tasks: readonly TaskDocument[]
  /** Which invariants are reported. A deadlock is one in any case; locks-left belongs to I7. Absent: all. */
  readonly check?: readonly string[] | undefined
  /** By strategy; `ok` for one that is not named. */
  readonly expect?: Readonly<Record<string, Verdict>> | undefined
}

/**
 * How a run came out. ok: everything that was to be checked was, and holds. unchecked: nothing is
 * wrong, but some invariant was never asked. failed: a task ended with something that is no answer of
 * the ABI, or a step limit was hit.
 */
export type Verdict = (typeof VERDICTS)[number]

const EVERY_CHECK = ['I1-I8', 'deadlock', 'locks-left']

/** Whether a scenario asks for an invariant, `I1` to `I8`. */
export function isChecked({ check = EVERY_CHECK }: ScenarioDocument, id: string): boolean {
  return check.some((entry) => {
    if (entry === 'locks-left') return id === 'I7'
    const [first, last] = invariantRange(entry) ?? []
    return first !== undefined && id >= first && id <= last!
  })
}
