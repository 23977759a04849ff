/** Steps about migration and about memory that devices write: what each needs. Names are those of linux/vfio.h. */
import { MIGRATION_STATE } from '@vfiokit/vfio-core'
import { z } from 'zod'
import { hex, name, number64 } from './step-values.ts'

/** A state that a device may be asked for. */
export type MigrationStateWord = Exclude<keyof typeof MIGRATION_STATE, 'ERROR'>

/** A step on open data of a migration, by the name that `mig-device-state` gave it. */
export interface DataFdArguments {
  readonly dataFd: string
}

/** Where memory lies for devices. */
export interface IovaRangeArguments {
  readonly iova: number | bigint
  /** In bytes. */
  readonly length: number | bigint
}

/** What each step of this kind needs. */
export interface MigrationStepTypes {
  /** Goes to a state, or without one asks where the device is. Data that begins is open under the name `dataFd`. */
  readonly 'mig-device-state': {
    readonly device: string
    readonly state?: MigrationStateWord | undefined
    readonly dataFd?: string | undefined
  }
  readonly 'mig-data-size': { readonly device: string }
  readonly 'mig-precopy-info': DataFdArguments
  /** One read of `length` bytes, or without it as many reads as it takes to the end; kept under the name `into`. */
  readonly 'mig-data-read': DataFdArguments & {
    readonly length?: number | undefined
    readonly into: string
  }
  /** Writes `data` in hexadecimal, or what was read into the name `from`: `length` bytes of it, or all. */
  readonly 'mig-data-write': DataFdArguments & {
    readonly from?: string | undefined
    readonly length?: number | undefined
    readonly data?: string | undefined
  }
  readonly 'mig-data-close': DataFdArguments
  /** Gives the device's group memory of the task's process, for reading and writing. */
  readonly 'dma-map': IovaRangeArguments & { readonly device: string; readonly length: number }
  /** The device writes memory of itself; `data` in hexadecimal. */
  readonly 'dma-write': { readonly device: string; readonly iova: number | bigint; readonly data: string }
  readonly 'dma-logging-start': {
    readonly device: string
    readonly ranges: readonly IovaRangeArguments[]
    readonly pageSize?: number | undefined
  }
  readonly 'dma-logging-report': IovaRangeArguments & {
    readonly device: string
    readonly length: number
    readonly pageSize?: number | undefined
  }
  readonly 'dma-logging-stop': { readonly device: string }
}

const STATES = Object.keys(MIGRATION_STATE).filter(
  (state): state is MigrationStateWord => state !== 'ERROR',
) as [MigrationStateWord, ...MigrationStateWord[]]

/** So many bytes may be moved at once. */
const transfer = z
  .int()
  .min(1)
  .max(2 ** 24)
/** A bit for each page of it has to fit into memory. */
const length = z
  .int()
  .min(1)
  .max(2 ** 40)
const pageSize = z
  .int()
  .min(0)
  .max(2 ** 40)
const range = z.strictObject({ iova: number64, length: number64 })

/** By name; the type says that none is missing. */
export const MIGRATION_STEPS: { readonly [K in keyof MigrationStepTypes]: z.ZodType<MigrationStepTypes[K]> } =
  {
    'mig-device-state': z.strictObject({
      device: name,
      state: z.enum(STATES).optional(),
      dataFd: name.optional(),
    }),
    'mig-data-size': z.strictObject({ device: name }),
    'mig-precopy-info': z.strictObject({ dataFd: name }),
    'mig-data-read': z.strictObject({ dataFd: name, length: transfer.optional(), into: name }),
    'mig-data-write': z
      .strictObject({
        dataFd: name,
        from: name.optional(),
        length: transfer.optional(),
        data: hex.optional(),
      })
      .refine(({ from, data }) => (from === undefined) !== (data === undefined), {
        error: 'either from or data',
      })
      .refine(({ data, length }) => data === undefined || length === undefined, {
        error: 'no length beside data: all of it is written',
        path: ['length'],
      }),
    'mig-data-close': z.strictObject({ dataFd: name }),
    'dma-map': z.strictObject({ device: name, iova: number64, length: transfer }),
    'dma-write': z.strictObject({ device: name, iova: number64, data: hex }),
    'dma-logging-start': z.strictObject({
      device: name,
      ranges: z.array(range),
      pageSize: pageSize.optional(),
    }),
    'dma-logging-report': z.strictObject({
      device: name,
      iova: number64,
      length,
      pageSize: pageSize.optional(),
    }),
    'dma-logging-stop': z.strictObject({ device: name }),
  }
