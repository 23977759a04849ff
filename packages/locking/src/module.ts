/**
 * Wires @vfiokit/locking: what a strategy is bound to, and the locks of a host.
 * @packageDocumentation
 */
import { ContainerModule, type ServiceIdentifier } from 'inversify'
import { LockRegistry } from './lock-registry.ts'
import type { AnyLockingStrategy } from './strategy.ts'

/** Every strategy a host can choose from; bound once for each. */
export const LOCKING_STRATEGY = Symbol.for(
  '@vfiokit/locking/LockingStrategy',
) as ServiceIdentifier<AnyLockingStrategy>
/** Every lock of one host. */
export const LOCK_REGISTRY = Symbol.for('@vfiokit/locking/LockRegistry') as ServiceIdentifier<LockRegistry>

/** Binds a registry of queue-fair locks. */
export const lockingModule: ContainerModule = new ContainerModule(({ bind }) => {
  bind(LOCK_REGISTRY)
    .toDynamicValue(() => new LockRegistry())
    .inSingletonScope()
})
