/**
 * Strategies that are wrong on purpose, so that checks can be seen to work. No host offers them unless
 * it is asked for one by name.
 * @packageDocumentation
 */
export { type NaiveDevice, naive } from './naive.ts'
export { zapBeforeLock } from './zap-before-lock.ts'
