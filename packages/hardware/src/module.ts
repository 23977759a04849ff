/**
 * Simulated PCI functions: registers with write masks, BARs, power states and resets.
 * @packageDocumentation
 */
export {}
