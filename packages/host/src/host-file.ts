/** Reads a `host/1` file into what `createHost` takes. */
import { dirname } from 'node:path'
import type { HostConfig } from './create-host.ts'
import { HOST_SCHEMA } from './host-schema.ts'
import { readInputFile } from './input-file.ts'

/** @throws ConfigError with every defect of the file. */
export function readHostFile(path: string): HostConfig {
  const { value, complain } = readInputFile(path, HOST_SCHEMA)
  const { kernel, topology, bind, plugins, strategy } = value
  return { kernel, topology, bind, plugins, strategy, folder: dirname(path), complain }
}
