/** TopologyEdit: one change of a machine as plain data. */
import type { Bdf } from '../bdf.ts'
import { ACCESS_CONTROL_SERVICES } from '../capabilities/isolation.ts'
import type { Diagnostic } from '../diagnostic.ts'
import type { FunctionInput } from '../pci-function.ts'
import type { Topology } from '../topology.ts'

/** A function, or what is in a physical slot. */
export type EditPlace = Bdf | { readonly slot: string }

/** The seven controls of Access Control Services. */
export type AcsControl =
  | 'sourceValidation'
  | 'translationBlocking'
  | 'requestRedirect'
  | 'completionRedirect'
  | 'upstreamForwarding'
  | 'egressControl'
  | 'directTranslated'

/** true: on, false: off; what is left out stays. */
export type AcsControls = Readonly<Partial<Record<AcsControl, boolean>>>

export type TopologyEdit =
  /** Takes out a function or what is in a slot, with everything below and the virtual functions. */
  | { readonly kind: 'remove'; readonly target: EditPlace }
  | { readonly kind: 'add'; readonly function: FunctionInput }
  /** Moves the whole card that the function is on to the bus below a bridge, or to a slot. */
  | { readonly kind: 'move'; readonly card: EditPlace; readonly to: EditPlace }
  /**
   * Makes a physical function have that many virtual functions. New ones are like one that is there; without any, they
   * have what every virtual function has and no more.
   */
  | { readonly kind: 'vfs'; readonly physical: Bdf; readonly count: number }
  | { readonly kind: 'acs'; readonly port: Bdf; readonly controls: AcsControls }
  /** undefined: no driver. */
  | { readonly kind: 'driver'; readonly function: Bdf; readonly driver: string | undefined }

export interface EditResult {
  readonly topology: Topology
  /** Errors: edits that could not be made and were left out. Warnings: edits that were, with what is odd. */
  readonly diagnostics: readonly Diagnostic[]
  /** Functions that have another address now: from the one before to the one after. */
  readonly renamed: ReadonlyMap<Bdf, Bdf>
}

/** In the order of their bits, lowest first. */
export const ACS_CONTROLS: readonly AcsControl[] = ACCESS_CONTROL_SERVICES.fields
  .filter((field) => field.name.endsWith('Enabled'))
  .map((field) => field.name.slice(0, -'Enabled'.length) as AcsControl)
