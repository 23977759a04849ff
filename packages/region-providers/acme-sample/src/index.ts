/**
 * A model region provider: one trapped region, one BAR-backed, one backed by ordinary memory.
 * @packageDocumentation
 */
export {}
