/** Reads a `host/1` file into what `createHost` takes. */
import { dirname } from 'node:path'
import type { HostConfig } from './create-host.ts'
import { readFirmware } from './firmware-document.ts'
import { HOST_SCHEMA, type HostDocument } from './host-schema.ts'
import { checkInput, type InputFile, pathFrom, readText } from './input-file.ts'
import { readProfileFolder } from './profile-folder.ts'

/** @throws ConfigError with every defect of the file. */
export function readHostFile(path: string): HostConfig {
  const { value, complain } = parseHost(readText(path), path)
  const { profiles, firmware, vfiokit: _format, ...config } = value
  const folder = dirname(path)
  const measured = profiles === undefined ? {} : readProfileFolder(pathFrom(folder, profiles), complain)
  const told = firmware === undefined ? {} : { firmware: readFirmware(firmware, folder, complain) }
  return { ...config, folder, complain, ...measured, ...told }
}

/** The same for text that is already in memory. @throws ConfigError as {@link readHostFile}. */
export function parseHost(text: string, path: string): InputFile<HostDocument> {
  return checkInput(path, text, HOST_SCHEMA)
}
