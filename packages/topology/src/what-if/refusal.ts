/** Refusal: why an edit cannot be made. Internal to what-if. */
import type { Bdf } from '../bdf.ts'
import type { Diagnostic } from '../diagnostic.ts'

/** What an edit ends in: nothing to say, a warning, or a refusal that left the machine as it was. */
export type EditOutcome = Diagnostic | undefined

export interface Details {
  readonly bdf?: Bdf
  readonly expected?: string
  readonly found?: string
}

export function refuse(code: string, message: string, details: Details = {}): Diagnostic {
  return { severity: 'error', code, message, ...details }
}

export function warn(code: string, message: string, details: Details = {}): Diagnostic {
  return { severity: 'warning', code, message, ...details }
}

export function noSuchFunction(bdf: Bdf): Diagnostic {
  return refuse('edit-no-such-function', `${bdf} is not in the machine`, { bdf })
}

export function noSuchSlot(name: string): Diagnostic {
  return refuse('edit-no-such-slot', `there is no slot '${name}'`)
}

export function isDiagnostic(value: object): value is Diagnostic {
  return 'severity' in value
}
