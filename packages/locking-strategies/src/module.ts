/**
 * Locking strategies behind fault, zap and reset, one file each.
 * @packageDocumentation
 */
export {}
