/**
 * The semantics of Linux vfio-core: groups, containers, device lifecycle, processes and their mappings.
 * @packageDocumentation
 */
export {}
