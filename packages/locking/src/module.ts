/**
 * Wires @vfiokit/locking: what a strategy is bound to, and the locks of a host.
 * @packageDocumentation
 */
import { ContainerModule, type ServiceIdentifier } from 'inversify'
import { LockRegistry } from './lock-registry.ts'
import type { AnyLockingStrategy } from './strategy.ts'

/** Every strategy a host can choose from; bound once for each. */
export const LOCKING_STRATEGY: ServiceIdentifier<AnyLockingStrategy> = Symbol.for(
  '@vfiokit/locking/LockingStrategy',
)
/** Every lock of one host. */
export const LOCK_REGISTRY: ServiceIdentifier<LockRegistry> = Symbol.for('@vfiokit/locking/LockRegistry')

/** Binds a registry of queue-fair locks. */
export const lockingModule: ContainerModule = new ContainerModule(({ bind }) => {
  bind(LOCK_REGISTRY)
    .toDynamicValue(() => new LockRegistry())
    .inSingletonScope()
})
