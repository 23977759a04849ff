/** RegisterValue: one register of a profile, live. */
import type { ResetEvent } from './device-model.ts'
import type { ProfiledRegister } from './register-profile.ts'

/** What `logic` registers were written with, in the order of `observed`. */
const PROBES = [0xffff_ffffn, 0n, 0x5a5a_1234n, 0xa5a5_edcbn] as const

type WriteRule = (written: bigint, now: bigint) => bigint

export class RegisterValue {
  readonly profile: ProfiledRegister
  value: bigint
  readonly #rule: WriteRule
  readonly #limit: bigint

  constructor(profile: ProfiledRegister) {
    this.profile = profile
    this.value = profile.initial
    this.#limit = (1n << BigInt(8 * profile.sizeBytes)) - 1n
    this.#rule = ruleOf(profile)
  }

  read(): bigint {
    const { value } = this
    if (this.profile.class === 'rc') this.value = 0n
    return value
  }

  write(written: bigint): void {
    this.value = this.#rule(written, this.value) & this.#limit
  }

  reset(event: ResetEvent): void {
    // The device's own logic starts anew with FLR and bus reset, where nothing else was measured.
    const clearedBy = this.profile.clearedBy ?? (this.profile.class === 'logic' ? ['flr', 'bus'] : [])
    if (clearedBy.includes(event)) this.value = this.profile.resetValue
  }
}

function ruleOf(profile: ProfiledRegister): WriteRule {
  if (profile.class === 'constant' || profile.class === 'volatile') return (_, now) => now
  if (profile.class === 'inverted') return (written) => ~written
  const { fixed, rwMask } = profile
  if (rwMask !== undefined) return (written) => fixed | (written & rwMask)
  return profile.class === 'logic' ? observedRule(profile.observed) : (written) => written
}

/** Storage under a mask, if all that was observed is explained by it; else writes are not known to change anything. */
function observedRule(observed: readonly bigint[]): WriteRule {
  const [ones, zeros] = observed
  if (ones === undefined || zeros === undefined) return (_, now) => now
  const mask = ones & ~zeros
  const explained = observed.every((value, index) => value === (zeros | (PROBES[index]! & mask)))
  return explained ? (written) => zeros | (written & mask) : (_, now) => now
}
