/** Reads a `scenario/1` file and the host file that it names. */
import { dirname } from 'node:path'
import { type Complain, ConfigError } from '../config-error.ts'
import type { HostConfig } from '../create-host.ts'
import { readHostFile } from '../host-file.ts'
import { checkInput, type InputFile, pathFrom, readText } from '../input-file.ts'
import { referenceDefects } from './references.ts'
import { SCENARIO_SCHEMA, type ScenarioDocument } from './scenario-schema.ts'

/** A scenario with the host it runs on. */
export interface Scenario {
  readonly document: ScenarioDocument
  readonly host: HostConfig
  /** Puts a complaint about the document at its place in a file; by default the message names the place. */
  readonly complain?: Complain | undefined
}

/** @throws ConfigError with every defect of the scenario file, or else of the host file. */
export function readScenarioFile(path: string): Scenario {
  const { value: document, complain } = parseScenario(readText(path), path)
  return { document, complain, host: readHostFile(pathFrom(dirname(path), document.host)) }
}

/** What a scenario file says, without its host. @throws ConfigError with every defect. */
export function parseScenario(text: string, path: string): InputFile<ScenarioDocument> {
  const file = checkInput(path, text, SCENARIO_SCHEMA)
  const defects = referenceDefects(file.value, file.complain)
  if (defects.length > 0) throw new ConfigError(defects)
  return file
}
