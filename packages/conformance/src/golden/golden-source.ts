/** Where recordings come from: traces, and the machines that they were made on. */
import type { KernelVersion } from '@vfiokit/vfio-core'
import type { Seeds } from '../conformance-host.ts'
import type { TraceRecord } from '../trace-record.ts'

/** Text, and where it was found. */
export interface NamedText {
  readonly text: string
  readonly file: string
}

/** By BDF, or by the kind of a device. */
export type Measurements = Readonly<Record<string, unknown>>

/** A golden folder, or a copy of one in another form. What it lacks is undefined. */
export interface GoldenSource {
  /** For messages. */
  readonly title: string
  hosts(kernel: KernelVersion): readonly string[]
  traceNames(kernel: KernelVersion, host: string): readonly string[]
  /** @throws InputError for a trace that is damaged. */
  trace(kernel: KernelVersion, host: string, name: string): readonly TraceRecord[] | undefined
  snapshot(kernel: KernelVersion, host: string): NamedText | undefined
  masks(host: string): Measurements | undefined
  /** Profiles of device kinds. */
  profiles(): Measurements | undefined
  /** What earlier scripts left, by host and script. */
  seeds(host: string, trace: string): Seeds | undefined
}
