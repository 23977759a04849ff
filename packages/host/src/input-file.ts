/** A YAML file that somebody wrote, checked against a schema, with a place for every complaint. */
import { readFileSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { YamlDocument } from '@vfiokit/topology'
import { unreadableFile } from '@vfiokit/topology/node'
import type { z } from 'zod'
import { type Complain, ConfigError } from './config-error.ts'

/** What a file said, and where it said it. */
export interface InputFile<T> {
  readonly value: T
  /** A complaint about one place of the file. */
  readonly complain: Complain
}

/**
 * Checks what a file says against a schema.
 *
 * @throws ConfigError with every defect: not YAML, unknown keys, wrong types.
 */
export function checkInput<T>(path: string, text: string, schema: z.ZodType<T>): InputFile<T> {
  const document = YamlDocument.parse(text, { file: path })
  const result = document.check(schema)
  if (!result.ok) throw new ConfigError(result.diagnostics)
  return {
    value: result.value,
    complain: (at, complaint) => document.diagnostic(at, { severity: 'error', ...complaint }),
  }
}

/** A path that a file in a folder names; it stays relative, so that messages show it as it was written. */
export function pathFrom(folder: string, path: string): string {
  return isAbsolute(path) ? path : join(folder, path)
}

/** @throws ConfigError saying why it cannot be read. */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new ConfigError([unreadableFile(path, cause)])
  }
}
