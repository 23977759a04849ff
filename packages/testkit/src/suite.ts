/** A contract as a vitest suite: one test for each rule. */
import { describe, it } from 'vitest'
import type { Examination } from './examination.ts'
import type { RuleId } from './variant/variant-rules.ts'

/** A thousand opens on a busy machine take longer than the default of vitest. */
const TIMEOUT_MS = 60_000

/** Rules that have nothing to say are shown as skipped, with the reason. */
export function suiteOf<Id extends RuleId>(title: string, examination: Examination<Id>): void {
  const { rules } = examination.contract
  describe(title, () => {
    for (const id of examination.ids)
      it(`${rules[id]} [${id}]`, { timeout: TIMEOUT_MS }, async (test) => {
        const { outcome, detail } = examination.ask(id)
        if (outcome === 'silent') test.skip(detail)
        if (outcome === 'broken') throw new Error(detail)
        if (detail !== undefined) await test.annotate(detail)
      })
  })
}
