import 'reflect-metadata'
import { LOCKING_STRATEGY } from '@vfiokit/locking/module'
import { STRATEGIES } from '@vfiokit/locking-strategies'
import { lockingStrategiesModule } from '@vfiokit/locking-strategies/module'
import { Container } from 'inversify'
import { describe, expect, test } from 'vitest'

describe('the module', () => {
  test('binds every shipped strategy and no canary', () => {
    const container = new Container()
    container.load(lockingStrategiesModule)
    expect(container.getAll(LOCKING_STRATEGY)).toEqual(STRATEGIES)
  })

  test('has strategies that can be told apart by name', () => {
    expect(STRATEGIES.map(({ name }) => name)).toEqual([
      'unmap-range',
      'vma-list',
      'rfc-2021',
      'shared-inode',
      'layered',
      'vma-list-device-set',
      'ordered',
      'set-rwsem',
    ])
  })
})
