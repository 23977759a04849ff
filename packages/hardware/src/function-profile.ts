/**
 * FunctionProfile: what was measured of a function's configuration space, in place of what the tables say.
 *
 * The shape is that of a measurement file's entry for one function: hexadecimal text, two digits per configuration
 * byte from offset 0. Members not listed here are ignored. A profile shorter than the space leaves the rest to the
 * tables; bits that could not be tried (`untested`) count as writable where the emulator's own mask says so.
 */
import type { WriteMasks } from './config-registers.ts'
import type { ResetEvent } from './device-model.ts'

export interface MeasuredReset {
  /** Hex: the writable bits that it changed. */
  readonly resetMask?: string
  /** Hex: the writable bits that were set before and stayed set. */
  readonly keptMask?: string
  /** Hex: the space afterwards. */
  readonly after?: string
}

export interface MeasuredBarSize {
  readonly bar: number | 'rom'
  readonly size: number
  /** `header`, or `sriov-vf` for a BAR of the virtual functions. */
  readonly where?: string
}

export interface FunctionProfile {
  /** Hex: bits that store what is written. */
  readonly rw: string
  /** Hex: bits that writing 1 clears. */
  readonly w1c: string
  /** Hex: bits that were not tried. */
  readonly untested?: string
  /** Hex: the emulator's own writable mask, consulted for `untested` bits only. */
  readonly qemuWmask?: string
  /** Sizes of BARs whose size the topology does not know. */
  readonly barSizes?: readonly MeasuredBarSize[]
  /** By hand, without the kernel: FLR and secondary bus reset, which clear the same. */
  readonly resets?: { readonly raw?: { readonly flr?: MeasuredReset; readonly bus?: MeasuredReset } }
  /** What memory reads when nothing answers there: a bus gives ones, which is the default. */
  readonly silentMemory?: 'ones' | 'zeros'
  /** Events that BAR memory survives; by default FLR and bus reset clear it. */
  readonly memorySurvives?: readonly ResetEvent[]
}

/**
 * Replaces the bytes that the profile covers, in place.
 * @throws RangeError naming the member that is not hexadecimal text of whole bytes.
 */
export function applyProfile(masks: WriteMasks, profile: FunctionProfile): void {
  const rw = bytesOf('rw', profile.rw)
  const w1c = bytesOf('w1c', profile.w1c)
  const untested = bytesOf('untested', profile.untested ?? '')
  const emulator = bytesOf('qemuWmask', profile.qemuWmask ?? '')
  const covered = Math.min(rw.length, w1c.length, masks.rw.length)
  for (let offset = 0; offset < covered; offset += 1) {
    masks.rw[offset] = rw[offset]! | ((untested[offset] ?? 0) & (emulator[offset] ?? 0))
    masks.w1c[offset] = w1c[offset]!
  }
  for (const [name, reset] of Object.entries(profile.resets?.raw ?? {})) {
    if (name === 'flr' || name === 'bus') applyReset(masks, `resets.raw.${name}`, reset)
  }
}

function applyReset(masks: WriteMasks, name: string, measured: MeasuredReset): void {
  const changed = bytesOf(`${name}.resetMask`, measured.resetMask ?? '')
  const kept = bytesOf(`${name}.keptMask`, measured.keptMask ?? '')
  const after = bytesOf(`${name}.after`, measured.after ?? '')
  for (let offset = 0; offset < masks.reset.length; offset += 1) {
    const cleared = changed[offset] ?? 0
    // A bit that was set before and after may have been kept, or set by the reset: the tables know the latter.
    const survived = (kept[offset] ?? 0) & ~masks.resetTo[offset]!
    masks.reset[offset] = (masks.reset[offset]! | cleared) & ~survived
    masks.resetTo[offset] = (masks.resetTo[offset]! & ~cleared) | ((after[offset] ?? 0) & cleared)
  }
}

function bytesOf(member: string, hex: string): Uint8Array {
  if (!/^(?:[0-9a-f]{2})*$/i.test(hex)) {
    const found = hex.length > 24 ? `${hex.slice(0, 24)}... (${hex.length} digits)` : hex
    throw new RangeError(`profile member ${member}: expected hexadecimal bytes, found ${found}`)
  }
  return Uint8Array.from(Buffer.from(hex, 'hex'))
}
