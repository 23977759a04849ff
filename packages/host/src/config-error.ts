/** Input that a host cannot work with: one diagnostic per defect, all of them at once. */
import { type Diagnostic, formatDiagnostic } from '@vfiokit/topology'

/** Thrown before anything runs. Whoever prints it exits with 2. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'

  constructor(readonly diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map(formatDiagnostic).join('\n'))
  }
}
