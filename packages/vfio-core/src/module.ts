/**
 * Wires @vfiokit/vfio-core.
 * @packageDocumentation
 */
import type { AnyLockingStrategy } from '@vfiokit/locking'
import { LOCK_REGISTRY } from '@vfiokit/locking/module'
import { ContainerModule, type ServiceIdentifier } from 'inversify'
import type { KernelProfile } from './kernel-profile.ts'
import { LiveHost } from './live-host.ts'
import { VfioCore } from './vfio-core.ts'

/** The behaviours of the kernel that a host is. Bound by the host. */
export const KERNEL_PROFILE = Symbol.for(
  '@vfiokit/vfio-core/KernelProfile',
) as ServiceIdentifier<KernelProfile>
/** The one strategy that was chosen. Bound by the host. */
export const CHOSEN_STRATEGY = Symbol.for(
  '@vfiokit/vfio-core/ChosenStrategy',
) as ServiceIdentifier<AnyLockingStrategy>
/** Groups, devices and processes of one host. */
export const VFIO_CORE = Symbol.for('@vfiokit/vfio-core/VfioCore') as ServiceIdentifier<VfioCore>
/** The host as its processes see it. */
export const VFIO_HOST = Symbol.for('@vfiokit/vfio-core/VfioHost') as ServiceIdentifier<LiveHost>

/** Binds the core and its live host. */
export const vfioCoreModule: ContainerModule = new ContainerModule(({ bind }) => {
  bind(VFIO_CORE)
    .toDynamicValue(
      (context) =>
        new VfioCore({
          strategy: context.get(CHOSEN_STRATEGY),
          profile: context.get(KERNEL_PROFILE),
          locks: context.get(LOCK_REGISTRY),
        }),
    )
    .inSingletonScope()
  bind(VFIO_HOST)
    .toDynamicValue((context) => new LiveHost(context.get(VFIO_CORE)))
    .inSingletonScope()
})
