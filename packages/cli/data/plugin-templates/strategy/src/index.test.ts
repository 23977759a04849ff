import { testLockingStrategy } from '@vfiokit/testkit'
import { pluginName } from './strategy.ts'

testLockingStrategy(pluginName)
