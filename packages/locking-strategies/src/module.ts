/**
 * Wires @vfiokit/locking-strategies: every shipped strategy, to choose from by name.
 * @packageDocumentation
 */
import { LOCKING_STRATEGY } from '@vfiokit/locking/module'
import { ContainerModule } from 'inversify'
import { STRATEGIES } from './strategies.ts'

/** Binds each strategy. The canaries are not among them. */
export const lockingStrategiesModule: ContainerModule = new ContainerModule(({ bind }) => {
  for (const strategy of STRATEGIES) bind(LOCKING_STRATEGY).toConstantValue(strategy)
})
