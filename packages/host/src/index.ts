/**
 * The composition root: createHost(config) wires the packages, loads plugins and runs scenarios.
 * @packageDocumentation
 */
export {}
