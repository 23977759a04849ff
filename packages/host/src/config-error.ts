/** Input that a host cannot work with: one diagnostic per defect, all of them at once. */
import { type Diagnostic, formatDiagnostic, type YamlPath } from '@vfiokit/topology'

/** What is wrong at some place of a config. */
export interface Complaint {
  readonly code: string
  readonly message: string
  readonly expected?: string
  readonly found?: string
}

/** Puts a complaint at the place where its cause was written. */
export type Complain = (at: YamlPath, complaint: Complaint) => Diagnostic

/** For a config that is in no file: the message says where. */
export const complainPlainly: Complain = (at, complaint) => ({
  severity: 'error',
  ...complaint,
  message: `${at.join('.')}: ${complaint.message}`,
})

/** Thrown before anything runs. Whoever prints it exits with 2. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'

  constructor(readonly diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map(formatDiagnostic).join('\n'))
  }
}

/** The complaint about text that should be a BDF. */
export function notAnAddress(found: string): Complaint {
  return { code: 'bdf-syntax', message: 'not a PCI address', expected: 'dddd:bb:dd.f', found }
}
