/**
 * Wires @vfiokit/locking-strategies: every shipped strategy, to choose from by name.
 * @packageDocumentation
 */
import { LOCKING_STRATEGY } from '@vfiokit/locking/module'
import { ContainerModule } from 'inversify'
import { rfc2021 } from './rfc-2021.ts'
import { unmapRange } from './unmap-range.ts'
import { vmaList } from './vma-list.ts'

/** Binds each strategy. The canaries are not among them. */
export const lockingStrategiesModule: ContainerModule = new ContainerModule(({ bind }) => {
  for (const strategy of [unmapRange, rfc2021, vmaList]) bind(LOCKING_STRATEGY).toConstantValue(strategy)
})
