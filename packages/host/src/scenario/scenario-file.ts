/** Reads a `scenario/1` file and the host file that it names. */
import { dirname } from 'node:path'
import { type Complain, ConfigError } from '../config-error.ts'
import type { HostConfig } from '../create-host.ts'
import { readHostFile } from '../host-file.ts'
import { pathFrom, readInputFile } from '../input-file.ts'
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
  const { value: document, complain } = readInputFile(path, SCENARIO_SCHEMA)
  const defects = referenceDefects(document, complain)
  if (defects.length > 0) throw new ConfigError(defects)
  return { document, complain, host: readHostFile(pathFrom(dirname(path), document.host)) }
}
