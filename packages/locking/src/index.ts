/**
 * Operations, Linux-like locks, three drivers and the guarded protocol of BAR mappings.
 * @packageDocumentation
 */
export {}
