/** Resets that only a vendor knows: the method `device_specific`. Kernel: `pci_dev_specific_reset`. */
import type { PciHardware, ResetOutcome, SpecificResets } from '@vfiokit/hardware'
import type { BarIndex, PciFunction } from '@vfiokit/topology'
import { PluginCalls } from '../plugin-calls.ts'
import type { PluginFailureLog } from '../plugin-failure.ts'
import { hardwareBar, hardwareConfig } from '../region/plugin-host.ts'
import type { RegionBar, RegionConfig } from '../region/region-host.ts'
import { synchronous } from '../region/synchronous.ts'

/**
 * The function while it is reset. It is in D0, its state is saved and will be put back, and it decodes nothing:
 * whoever needs a BAR turns memory on in the command register.
 */
export interface ResetHost {
  readonly function: PciFunction
  readonly config: RegionConfig
  /** @throws RangeError when the function has no such memory BAR. */
  bar(index: BarIndex): RegionBar
  /** Resets it by FLR, as a part of what the vendor does. @returns ENOTTY where there is none. */
  flr(): 'ok' | 'ENOTTY'
}

/** A vendor's way to reset a function. It is tried before every other method. */
export interface VendorReset {
  readonly name: string
  /** Pure: decides from identity alone. */
  matches(fn: PciFunction): boolean
  /**
   * Does it, and answers nothing. ENOTTY: not this time, the next method is tried. EIO, ETIME: it failed, and that
   * is what the caller gets. A failure of the plugin counts as ENOTTY.
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: a function without return is the usual one
  reset(host: ResetHost): void | Exclude<ResetOutcome, 'ok'>
}

const ANSWERS: ReadonlySet<unknown> = new Set<ResetOutcome>(['ENOTTY', 'EIO', 'ETIME'])

/** What the hardware asks: the first reset that matches. */
export function specificResets(resets: readonly VendorReset[], log: PluginFailureLog): SpecificResets {
  return (fn) => {
    const own = resets.find((reset) =>
      new PluginCalls(reset.name, fn.bdf, log).matches(() => reset.matches(fn)),
    )
    return own && ((hardware) => performed(own, hardware, log))
  }
}

function performed(own: VendorReset, hardware: PciHardware, log: PluginFailureLog): ResetOutcome {
  let outcome: ResetOutcome = 'ENOTTY'
  new PluginCalls(own.name, hardware.bdf, log).tolerated('reset', () => {
    const answer = synchronous(own.reset(resetHost(hardware)))
    if (answer !== undefined && !ANSWERS.has(answer))
      throw new TypeError(`it answered ${String(answer)}, not one of ${[...ANSWERS].join(', ')}`)
    outcome = answer ?? 'ok'
  })
  return outcome
}

function resetHost(hardware: PciHardware): ResetHost {
  return {
    function: hardware.identity,
    config: hardwareConfig(hardware),
    bar: (index) => hardwareBar(hardware, index),
    flr: () => (hardware.reset('flr') === 'ok' ? 'ok' : 'ENOTTY'),
  }
}
