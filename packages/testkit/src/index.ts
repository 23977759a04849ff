/**
 * Contracts as runnable test suites. Needs vitest; `@vfiokit/testkit/check` does not.
 * @packageDocumentation
 */
export * from './check.ts'
export { testLockingStrategy } from './strategy/test-locking-strategy.ts'
export { testRegionProvider } from './test-region-provider.ts'
export { testVariantDriver } from './variant/test-variant-driver.ts'
