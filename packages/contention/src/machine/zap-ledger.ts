/**
 * Why pages go, and how many: what the step that runs now takes away, and what all steps took so far.
 *
 * A page remembers what took it, so that the fault which brings it back knows whether it was needed.
 */

/** Why a step may take pages away. */
export interface ZapCause {
  /** The one device whose memory goes; undefined for all of the set. */
  readonly device: object | undefined
  /** Written into pages that go for this cause: see {@link ZapLedger.reasonOf}. */
  readonly ticket: number
}

/** Ticket of pages that went for the sake of their own device or mapping. */
export const WANTED = 0
/** Ticket of pages that went although nothing was done to their device. */
const EXCESS = 1
/** Hot resets that may still be refused have tickets from here on. */
const FIRST_TICKET = 2

/** Whether a page had to go: `in-vain` means that a hot reset took it and then was refused. */
export type ZapReason = 'wanted' | 'excess' | 'in-vain'

/** Kept by one machine. */
export class ZapLedger {
  /** Of the step that runs now. */
  pages = 0
  mappings = 0
  inserted = 0
  /** Of the whole run. */
  pagesInAll = 0
  excessInAll = 0
  #cause: ZapCause = { device: undefined, ticket: WANTED }
  #ticket = FIRST_TICKET
  readonly #refused = new Set<number>()

  /** A step begins. */
  begin(cause: ZapCause): void {
    this.#cause = cause
    this.pages = 0
    this.mappings = 0
    this.inserted = 0
  }

  /** A number that no other hot reset has. */
  nextTicket(): number {
    return this.#ticket++
  }

  /** The hot reset of that ticket did not come about. */
  refuse(ticket: number): void {
    this.#refused.add(ticket)
  }

  /** Counts pages of a mapping of `device` that go now, and answers what is to be written into them. */
  take(device: object, pages: number): number {
    const { device: meant, ticket } = this.#cause
    const isExcess = meant !== undefined && meant !== device
    this.pages += pages
    this.pagesInAll += pages
    if (isExcess) this.excessInAll += pages
    return isExcess ? EXCESS : ticket
  }

  /** Why a page with that ticket went. */
  reasonOf(ticket: number): ZapReason {
    if (ticket === EXCESS) return 'excess'
    return this.#refused.has(ticket) ? 'in-vain' : 'wanted'
  }
}
