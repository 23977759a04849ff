import 'reflect-metadata'
import { LockRegistry } from '@vfiokit/locking'
import { LOCK_REGISTRY, LOCKING_STRATEGY, lockingModule } from '@vfiokit/locking/module'
import { Container } from 'inversify'
import { describe, expect, test } from 'vitest'
import { oneLock } from './fixtures/one-device.ts'

describe('the module', () => {
  test('binds one registry of fair locks per container', () => {
    const container = new Container()
    container.load(lockingModule)
    const registry = container.get(LOCK_REGISTRY)
    expect(registry).toBeInstanceOf(LockRegistry)
    expect(registry.options.fair).toBe(true)
    expect(container.get(LOCK_REGISTRY)).toBe(registry)
  })

  test('leaves strategies to others, who may bind many', () => {
    const container = new Container()
    container.load(lockingModule)
    expect(container.isBound(LOCKING_STRATEGY)).toBe(false)
    container.bind(LOCKING_STRATEGY).toConstantValue(oneLock)
    expect(container.getAll(LOCKING_STRATEGY)).toEqual([oneLock])
  })
})
