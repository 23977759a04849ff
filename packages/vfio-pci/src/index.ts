/**
 * The semantics of Linux vfio-pci: config space, regions, faults, zaps and resets.
 * @packageDocumentation
 */
export {}
