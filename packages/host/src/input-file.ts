/** A YAML file that somebody wrote, checked against a schema, with a place for every complaint. */
import { readFileSync } from 'node:fs'
import { type Diagnostic, YamlDocument, type YamlPath } from '@vfiokit/topology'
import type { z } from 'zod'
import { ConfigError } from './config-error.ts'

/** What a file said, and where it said it. */
export interface InputFile<T> {
  readonly path: string
  readonly value: T
  /** A complaint about one place of the file. */
  complain(at: YamlPath, complaint: Complaint): Diagnostic
}

/** What is wrong at some place. */
export interface Complaint {
  readonly code: string
  readonly message: string
  readonly expected?: string
  readonly found?: string
}

/**
 * Reads a file.
 *
 * @throws ConfigError with every defect: not readable, not YAML, unknown keys, wrong types.
 */
export function readInputFile<T>(path: string, schema: z.ZodType<T>): InputFile<T> {
  return checkInput(path, readText(path), schema)
}

/** The same for text that is already in memory. */
export function checkInput<T>(path: string, text: string, schema: z.ZodType<T>): InputFile<T> {
  const document = YamlDocument.parse(text, { file: path })
  const result = document.check(schema)
  if (!result.ok) throw new ConfigError(result.diagnostics)
  return {
    path,
    value: result.value,
    complain: (at, complaint) => document.diagnostic(at, { severity: 'error', ...complaint }),
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigError([
      { severity: 'error', code: 'file-unreadable', message: 'cannot be read', file: path, found },
    ])
  }
}
