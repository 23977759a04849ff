/** What a model is made of: data only, so that a scenario file or a test can say it. */
import type { InvariantId, PowerState } from '@vfiokit/locking'

/** A mapping of a device in a process. */
export interface MappingSpec {
  readonly name: string
  readonly device: string
  readonly process: string
  /** Parts that come and go on their own; 1 by default. */
  readonly units?: number
  /** Whether its pages go with the memory of the device; true by default. */
  readonly followsMemory?: boolean
  /** Made by an `mmap` step, not before the tasks begin. */
  readonly later?: boolean
  /** Made by a `fork` step out of that mapping, not before the tasks begin. */
  readonly copyOf?: string
}

/** What a hot reset makes of EBUSY. */
export type OnBusy = 'give-up' | 'retry' | 'fail'

/** One step of a task. */
export type StepSpec =
  /** User space touches a unit of a mapping. */
  | { readonly do: 'touch'; readonly mapping: string; readonly unit?: number }
  /** A read or write of BAR memory by the kernel; with `buffer`, copied from or to that mapping. */
  | { readonly do: 'access'; readonly device: string; readonly buffer?: string }
  | { readonly do: 'set-memory'; readonly device: string; readonly on: boolean }
  | { readonly do: 'power'; readonly device: string; readonly state: PowerState }
  | { readonly do: 'reset'; readonly device: string }
  /** Of all devices of the model. While EBUSY `retry` asks again; `fail` makes EBUSY a violation, `busy`. */
  | { readonly do: 'hot-reset'; readonly onBusy?: OnBusy }
  | { readonly do: 'open' | 'close'; readonly device: string }
  | { readonly do: 'munmap' | 'mmap'; readonly mapping: string }
  /** The mappings of that process with a `copyOf` come to be. */
  | { readonly do: 'fork'; readonly into: string }

/** Some tasks that do the same. */
export interface TaskSpec {
  readonly name: string
  readonly count?: number
  readonly steps: readonly StepSpec[]
}

/** Devices of one set, and what is done to them. */
export interface ModelSpec {
  readonly devices: readonly string[]
  readonly processes: readonly string[]
  readonly mappings: readonly MappingSpec[]
  readonly tasks: readonly TaskSpec[]
  /** How often a device is open at the beginning; 1 by default. */
  readonly opened?: number
  /** Invariants that are asked; all by default. H3, deadlocks, assertions and throws are in any case. */
  readonly invariants?: readonly InvariantId[]
}
