/** What clients do to devices: data only, so that a scenario file or a test can say it. */
import type { PowerState } from '@vfiokit/locking'

/** A mapping of a device in a process. */
export interface MappingShape {
  readonly name: string
  readonly device: string
  readonly process: string
  /** Whether its pages go with the memory of the device; true by default. */
  readonly followsMemory?: boolean
  /** Made by an `mmap` step, not before the clients begin. */
  readonly later?: boolean
}

/** One step of a client. */
export type WorkStep =
  /** User space touches the next page of a mapping; behind the last one the mapping is made anew. */
  | { readonly do: 'touch'; readonly mapping: string }
  /** A read or write of BAR memory by the kernel. */
  | { readonly do: 'access'; readonly device: string }
  | { readonly do: 'set-memory'; readonly device: string; readonly on: boolean }
  | { readonly do: 'power'; readonly device: string; readonly state: PowerState }
  | { readonly do: 'reset'; readonly device: string }
  /** Of all devices. While EBUSY `retry` pauses and asks again; `fail` gives up, since a refusal is counted. */
  | { readonly do: 'hot-reset'; readonly onBusy?: 'give-up' | 'retry' | 'fail' }
  | { readonly do: 'open' | 'close'; readonly device: string }
  | { readonly do: 'munmap' | 'mmap'; readonly mapping: string }

/** Some clients that do the same: all steps in turn, then a pause, for ever. */
export interface ClientShape {
  readonly name: string
  readonly count?: number
  readonly steps: readonly WorkStep[]
}

/** Devices of one set, and who works on them. */
export interface Workload {
  readonly devices: readonly string[]
  readonly processes: readonly string[]
  readonly mappings: readonly MappingShape[]
  readonly tasks: readonly ClientShape[]
  /** How often a device is open at the beginning; 1 by default. */
  readonly opened?: number
}

/** How often clients of a kind do what they do, in rounds per simulated second of each; 0 is never. */
export interface Rates {
  /** Of clients that only touch mappings or access memory. */
  readonly fault: number
  /** Of clients that hot-reset. */
  readonly reset: number
  /** Of all others, such as a guest that turns memory off and on. */
  readonly toggle: number
}

/** Rates that are not given. */
export const DEFAULT_RATES: Rates = { fault: 100, reset: 2, toggle: 20 }

const isLoad = ({ do: what }: WorkStep) => what === 'touch' || what === 'access'

/** How often a client does its round. */
export function rateOf({ steps }: ClientShape, rates: Rates): number {
  if (steps.every(isLoad)) return rates.fault
  return steps.some((step) => step.do === 'hot-reset') ? rates.reset : rates.toggle
}
