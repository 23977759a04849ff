/** A host: one machine with a kernel, its devices bound to vfio-pci, and processes to use them. */
import type { AnyLockingStrategy } from '@vfiokit/locking'
import type { Plugin } from '@vfiokit/plugin'
import type { Diagnostic, Topology } from '@vfiokit/topology'
import type { HostOperator, LiveHost, VfioCore } from '@vfiokit/vfio-core'
import type { PciBus } from '@vfiokit/vfio-pci'
import type { Container } from 'inversify'

/** What `createHost` answers. */
export interface Host {
  /** As it is now: virtual functions come and go. */
  readonly topology: Topology
  /** The one that was chosen. */
  readonly strategy: AnyLockingStrategy
  /** All that could have been chosen: the shipped ones and those of plugins. */
  readonly strategies: readonly AnyLockingStrategy[]
  readonly plugins: readonly Plugin[]
  /** The ABI as processes see it. */
  readonly vfio: LiveHost
  /** The administrator's side. */
  readonly operator: HostOperator
  /** Groups, devices, processes, locks. */
  readonly core: VfioCore
  /** The vfio-pci driver, with what plugins did wrong. */
  readonly bus: PciBus
  /** What is odd about the machine's description. It was worked around, or that part was left out. */
  readonly warnings: readonly Diagnostic[]
  /** The same, a line each. */
  readonly warningLines: readonly string[]
  /** Everything else that is bound. */
  readonly container: Container
}
