/** What a conformance run found, added up. */
import type { KernelVersion } from '@vfiokit/vfio-core'
import type { TraceRecord } from '../trace-record.ts'
import type { Comparison } from './comparison.ts'

/** Records by class. */
export interface ClassCounts {
  same: number
  masked: number
  differ: number
  skipped: number
}

/** Of one kernel. */
export interface KernelCounts extends ClassCounts {
  traces: number
  /** Records in all. */
  operations: number
  /** Of the records in which this kernel did something else than 7.2: how many are right. */
  eraSpecific: { n: number; same: number }
}

/** Of one topic under one kernel. */
export interface TopicCounts extends Omit<ClassCounts, 'skipped'> {
  readonly kernel: KernelVersion
  readonly topic: string
}

/** A record that differs. */
export interface Difference {
  readonly kernel: KernelVersion
  readonly host: string
  readonly trace: string
  readonly i: number
  readonly op: string
  readonly expected: TraceRecord
  readonly actual: TraceRecord
  /** Why it is known to differ. */
  readonly reason?: string
}

/** A difference, and what led to it. */
export interface DifferenceInContext extends Difference {
  /** Paths of the members that differ. */
  readonly members: readonly string[]
  /** The records of the kernel before it, oldest first. */
  readonly before: readonly TraceRecord[]
}

/** Everything that a run found. */
export interface ConformanceReport {
  readonly kernels: ReadonlyMap<KernelVersion, KernelCounts>
  readonly topics: readonly TopicCounts[]
  readonly differences: readonly DifferenceInContext[]
  /** How often each masking rule was needed. */
  readonly masks: ReadonlyMap<string, number>
}

/** `NN-topic.devices`, or a name and a number. */
export function topicOf(trace: string): string {
  const named = /^\d+-([^.]+)/.exec(trace)?.[1]
  return named ?? (trace.replace(/\d+$/, '') || trace)
}

/** Adds comparisons up. */
export class ReportBuilder {
  readonly #kernels = new Map<KernelVersion, KernelCounts>()
  readonly #topics = new Map<string, TopicCounts>()
  readonly #differences: DifferenceInContext[] = []
  readonly #masks = new Map<string, number>()

  /** Counts a trace. */
  addTrace(kernel: KernelVersion): void {
    this.#counts(kernel).traces += 1
  }

  /** Counts a record. */
  add(kernel: KernelVersion, trace: string, { class: found, masks }: Comparison): void {
    const counts = this.#counts(kernel)
    counts.operations += 1
    counts[found] += 1
    for (const name of masks) this.#masks.set(name, (this.#masks.get(name) ?? 0) + 1)
    const topic = this.#topic(kernel, topicOf(trace))
    if (found !== 'skipped') topic[found] += 1
  }

  /** Counts a record in which this kernel did something else than 7.2. */
  addEraSpecific(kernel: KernelVersion, isRight: boolean): void {
    const { eraSpecific } = this.#counts(kernel)
    eraSpecific.n += 1
    if (isRight) eraSpecific.same += 1
  }

  addDifference(difference: DifferenceInContext): void {
    this.#differences.push(difference)
  }

  finish(): ConformanceReport {
    const topics = [...this.#topics.values()]
    return { kernels: this.#kernels, topics, differences: this.#differences, masks: this.#masks }
  }

  #counts(kernel: KernelVersion): KernelCounts {
    let counts = this.#kernels.get(kernel)
    if (counts === undefined) {
      const eraSpecific = { n: 0, same: 0 }
      counts = { traces: 0, operations: 0, same: 0, masked: 0, differ: 0, skipped: 0, eraSpecific }
      this.#kernels.set(kernel, counts)
    }
    return counts
  }

  #topic(kernel: KernelVersion, topic: string): TopicCounts {
    const key = `${kernel} ${topic}`
    let counts = this.#topics.get(key)
    if (counts === undefined) {
      counts = { kernel, topic, same: 0, differ: 0, masked: 0 }
      this.#topics.set(key, counts)
    }
    return counts
  }
}

/** same / (same + differ), from 0 to 1; nothing compared counts as right. */
export function shareOf({ same, differ }: Pick<ClassCounts, 'same' | 'differ'>): number {
  return same + differ === 0 ? 1 : same / (same + differ)
}

/** The report as `--json` prints it. */
export function reportJson(report: ConformanceReport): Readonly<Record<string, unknown>> {
  const differences = report.differences.map(
    ({ members: _members, before: _before, ...difference }) => difference,
  )
  return {
    kernel: Object.fromEntries(report.kernels),
    topics: report.topics,
    differences,
  }
}
