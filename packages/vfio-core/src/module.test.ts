import 'reflect-metadata'
import { LOCK_REGISTRY, lockingModule } from '@vfiokit/locking/module'
import { unmapRange } from '@vfiokit/locking-strategies'
import { kernelProfile } from '@vfiokit/vfio-core'
import {
  CHOSEN_STRATEGY,
  KERNEL_PROFILE,
  VFIO_CORE,
  VFIO_HOST,
  vfioCoreModule,
} from '@vfiokit/vfio-core/module'
import { Container } from 'inversify'
import { expect, test } from 'vitest'

test('the module makes one core and one host, of the chosen strategy, kernel and locks', () => {
  const container = new Container()
  container.load(lockingModule, vfioCoreModule)
  container.bind(CHOSEN_STRATEGY).toConstantValue(unmapRange)
  container.bind(KERNEL_PROFILE).toConstantValue(kernelProfile('6.1'))
  const core = container.get(VFIO_CORE)
  expect(core).toBe(container.get(VFIO_CORE))
  expect(core.strategy).toBe(unmapRange)
  expect(core.profile.version).toBe('6.1')
  expect(core.locks).toBe(container.get(LOCK_REGISTRY))
  expect(container.get(VFIO_HOST).core).toBe(core)
})
