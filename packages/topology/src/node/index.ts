/**
 * The parts of the topology package that need Node.js: reading files.
 * @packageDocumentation
 */
export { readTopologyFile, type TopologyFileOptions } from './topology-file.ts'
