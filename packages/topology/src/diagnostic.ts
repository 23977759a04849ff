/**
 * Diagnostic: one defect of one input, with where it is and what was expected there.
 *
 * Bad data never throws and is never dropped silently: a reader goes on and adds one of these per defect.
 */
import type { Bdf } from './bdf.ts'

export interface Diagnostic {
  /** `error`: something could not be used as given. `warning`: it was used, and is suspicious. */
  readonly severity: 'error' | 'warning'
  /** Stable kebab-case name of the kind of defect, e.g. `secondary-equals-own-bus`. */
  readonly code: string
  readonly message: string
  readonly file?: string
  /** From 1. */
  readonly line?: number
  /** From 1. */
  readonly column?: number
  readonly expected?: string
  readonly found?: string
  /** The function concerned. */
  readonly bdf?: Bdf
}

/**
 * One line for people: `file:line:column: severity: message (expected E, found F) [code]`.
 *
 * @example
 * import { formatDiagnostic } from '@vfiokit/topology'
 * const place = { file: 'a.yaml', line: 3, column: 5 }
 * console.log(formatDiagnostic({ severity: 'error', code: 'unknown-key', message: "unknown key 'buss'", ...place }))
 * // => a.yaml:3:5: error: unknown key 'buss' [unknown-key]
 */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const place = [diagnostic.file, diagnostic.line, diagnostic.column].filter((part) => part !== undefined)
  const details = [
    diagnostic.expected === undefined ? undefined : `expected ${diagnostic.expected}`,
    diagnostic.found === undefined ? undefined : `found ${diagnostic.found}`,
  ].filter((part) => part !== undefined)
  const prefix = place.length === 0 ? '' : `${place.join(':')}: `
  const suffix = details.length === 0 ? '' : ` (${details.join(', ')})`
  return `${prefix}${diagnostic.severity}: ${diagnostic.message}${suffix} [${diagnostic.code}]`
}
