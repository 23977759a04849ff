/**
 * The parts of the topology package that need Node.js: reading files and the running system.
 * @packageDocumentation
 */
export { readSysfs, type SysfsOptions } from './sysfs.ts'
export { readTopologyFile, type TopologyFileOptions } from './topology-file.ts'
export { unreadableFile } from './unreadable-file.ts'
