/**
 * Contracts as runnable test suites for region providers, locking strategies and hosts.
 * @packageDocumentation
 */
export {}
