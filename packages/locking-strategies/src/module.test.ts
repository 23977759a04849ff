import 'reflect-metadata'
import { LOCKING_STRATEGY } from '@vfiokit/locking/module'
import { rfc2021, unmapRange, vmaList } from '@vfiokit/locking-strategies'
import { lockingStrategiesModule } from '@vfiokit/locking-strategies/module'
import { Container } from 'inversify'
import { describe, expect, test } from 'vitest'

describe('the module', () => {
  test('binds every shipped strategy and no canary', () => {
    const container = new Container()
    container.load(lockingStrategiesModule)
    expect(container.getAll(LOCKING_STRATEGY)).toEqual([unmapRange, rfc2021, vmaList])
  })

  test('has strategies that can be told apart by name', () => {
    expect([unmapRange, rfc2021, vmaList].map(({ name }) => name)).toEqual([
      'unmap-range',
      'rfc-2021',
      'vma-list',
    ])
  })
})
