/** Reads a `host/1` file into what `createHost` takes. */
import { dirname, resolve } from 'node:path'
import type { HostConfig } from './create-host.ts'
import { HOST_SCHEMA } from './host-schema.ts'
import { readInputFile } from './input-file.ts'

/** @throws ConfigError with every defect of the file. */
export function readHostFile(path: string): HostConfig {
  const file = readInputFile(path, HOST_SCHEMA)
  const { kernel, topology, bind, plugins, strategy } = file.value
  return {
    kernel,
    topology,
    bind,
    plugins,
    strategy,
    folder: dirname(resolve(path)),
    complain: file.complain,
  }
}
