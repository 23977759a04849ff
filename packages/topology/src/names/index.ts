/**
 * Names of vendors, devices, subsystems and classes from the PCI ID list. Nothing else needs them.
 * @packageDocumentation
 */
export { loadPciNames } from './load-pci-names.ts'
export { type Named, PciNames } from './pci-names.ts'
