/** What is counted while a simulation runs. */
import type { ZapReason } from '../machine/zap-ledger.ts'

/** Operations whose latency is measured, in the order in which they are told. */
export const OPERATION_KINDS = [
  'fault',
  'remap',
  'access',
  'toggle',
  'power',
  'function-reset',
  'hot-reset',
  'open',
  'close',
  'mmap',
  'munmap',
] as const

/** What a client does that takes time. */
export type OperationKind = (typeof OPERATION_KINDS)[number]

/** Something that a client began and has not ended. */
export interface Begun {
  readonly kind: OperationKind
  readonly sinceNs: number
}

/** Kept by one run. */
export class Tally {
  /** Nanoseconds of each operation that came to its end. */
  readonly latencies: Map<OperationKind, number[]> = new Map<OperationKind, number[]>()
  /** Touches that found their page. */
  hits = 0
  /** Faults and accesses that ended in a signal or an errno: memory was off, or the mapping gone. */
  denied = 0
  /** Hot resets, each attempt counted, and those of them that were answered EBUSY. */
  attempts = 0
  refused = 0
  /** Faults that came to their end, by why the page was not there. */
  readonly faults: Record<ZapReason, number> = { wanted: 0, excess: 0, 'in-vain': 0 }
  readonly #begun = new Map<object, Begun>()

  begin(client: object, kind: OperationKind, now: number): void {
    this.#begun.set(client, { kind, sinceNs: now })
  }

  /** What the client began has come to its end. */
  end(client: object, now: number): void {
    const { kind, sinceNs } = this.#begun.get(client)!
    const of = this.latencies.get(kind) ?? []
    this.latencies.set(kind, of)
    of.push(now - sinceNs)
    this.#begun.delete(client)
  }

  /** What the client began came to nothing, and its latency says nothing. */
  drop(client: object): void {
    this.#begun.delete(client)
  }

  /** What is under way. */
  get begun(): readonly Begun[] {
    return [...this.#begun.values()]
  }
}
