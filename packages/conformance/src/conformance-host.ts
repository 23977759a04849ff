/** What a script runs on: a host, the administrator's side of it, and facts that every process can look up. */
import type { HostOperator, KernelVersion, VfioHost } from '@vfiokit/vfio-core'
import type { Awaitable } from './awaitable.ts'
import type { MachineFacts } from './golden/machine-facts.ts'

/** A host for one script. Without a port, operations that need it are reported as not carried. */
export interface ConformanceHost {
  readonly vfio: VfioHost
  readonly operator?: HostOperator
  /** Lets simulated time pass. */
  advance?(milliseconds: number): Awaitable<void>
  /**
   * Resolves when nothing more happens by itself. An operation that has not ended by then waits for
   * something that no other operation of the script can do any more. Absent: operations are waited for.
   */
  idle?(): Promise<void>
}

/** What a fresh host is made from: the state of the machine when the recording began. */
export interface MachineDescription {
  readonly kernel: KernelVersion
  /** Name of the machine, for messages. */
  readonly host: string
  /** Text of the sysfs snapshot, taken after binding, and where it came from. */
  readonly snapshot: { readonly text: string; readonly file: string }
  /** What {@link snapshot} says of each function. */
  readonly facts: MachineFacts
  /** Functions bound to vfio-pci. */
  readonly bind: readonly string[]
  /** Measured configuration space by BDF. */
  readonly masks: Readonly<Record<string, unknown>>
  /** Measured BAR registers by `vvvv-dddd`. */
  readonly profiles: Readonly<Record<string, unknown>>
}

/** What earlier scripts left in registers that no reset clears, by BDF. */
export type Seeds = Readonly<Record<string, Readonly<Record<string, unknown>>>>

/** Makes a fresh host of a machine. */
export type HostFactory = (
  machine: MachineDescription,
  seeds: Seeds | undefined,
) => Awaitable<ConformanceHost>
