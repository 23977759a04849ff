/**
 * Reset methods: how far each method reaches and what it clears.
 *
 * | method | reaches | clears |
 * |---|---|---|
 * | device_specific, acpi | the function | as flr: what vendor or firmware do is not known, a full reset is assumed |
 * | flr, af_flr | the function | the registers that the tables mark, BAR memory |
 * | pm | the function | nothing but the power state: measured, no byte changes from D3hot to D0 |
 * | bus, cxl_bus | everything below the bridge | as flr, on each function; bridges lose numbers and windows |
 *
 * Which methods a function has, the topology says ({@link explainResetMethods}), and where it cannot know, the
 * recorded list does. The list of a function is what the source recorded, else what Linux finds when it enumerates
 * the function. That moment matters: `bus` is listed for the first function found on a bus, because it is alone
 * there at that time, and when it is used later it fails with ENOTTY if others have joined
 * (pci_parent_bus_reset). So listing and working are two questions here too.
 */
import {
  type Diagnostic,
  explainResetMethods,
  type PciFunction,
  predictResetMethods,
  RESET_METHODS,
  type ResetMethod,
  type ResetObstacle,
  type Topology,
} from '@vfiokit/topology'
import type { ResetEvent } from './device-model.ts'

interface ResetEffect {
  readonly reach: 'function' | 'bus'
  /** What the device sees. `pm` leaves the registers alone. */
  readonly event: ResetEvent
}

export const RESET_EFFECTS: Readonly<Record<ResetMethod, ResetEffect>> = {
  device_specific: { reach: 'function', event: 'flr' },
  acpi: { reach: 'function', event: 'flr' },
  flr: { reach: 'function', event: 'flr' },
  af_flr: { reach: 'function', event: 'flr' },
  pm: { reach: 'function', event: 'pm' },
  bus: { reach: 'bus', event: 'bus' },
  cxl_bus: { reach: 'bus', event: 'bus' },
}

/** Obstacles that say that the topology does not know: a kernel that recorded the method knew better. */
const NOT_KNOWN: ReadonlySet<ResetObstacle> = new Set<ResetObstacle>([
  'firmware-not-known',
  'config-not-known',
  'no-own-reset',
])

/** The reset methods of one function: the list as it is now, and what works. */
export class ResetMethods {
  readonly diagnostics: readonly Diagnostic[]
  /** In the kernel's order. */
  readonly #working: readonly ResetMethod[]
  #list: readonly ResetMethod[]

  /** @param hasSpecific - A vendor has a reset for it, which comes first. */
  constructor(fn: PciFunction, topology: Topology, hasSpecific: boolean) {
    const recorded = fn.resetMethods ?? []
    const verdicts = explainResetMethods(topology, fn.bdf, { probed: 'now' }).filter(
      ({ method, obstacle }) =>
        obstacle === undefined || (NOT_KNOWN.has(obstacle) && recorded.includes(method)),
    )
    const withSpecific = (methods: readonly ResetMethod[]): readonly ResetMethod[] =>
      Object.freeze([
        ...new Set<ResetMethod>([...(hasSpecific ? (['device_specific'] as const) : []), ...methods]),
      ])
    this.#working = withSpecific(verdicts.map(({ method }) => method))
    const listed = fn.resetMethods?.filter(isResetMethod) ?? predictResetMethods(topology, fn.bdf)
    this.#list = withSpecific(listed)
    this.diagnostics = recorded.filter((name) => !isResetMethod(name)).map((name) => unknown(fn, name))
  }

  get list(): readonly ResetMethod[] {
    return this.#list
  }

  /** Whether using the method now resets the function. */
  works(method: ResetMethod): boolean {
    return this.#working.includes(method)
  }

  /** sysfs `reset_method`. @throws RangeError (EINVAL) for an unknown or unsupported name; nothing changes then. */
  set(text: string): void {
    const names = text
      .trim()
      .split(/\s+/)
      .filter((name) => name !== '')
    if (names.length === 1 && names[0] === 'default') {
      this.#list = this.#working
      return
    }
    const list = names.map((name): ResetMethod => {
      if (isResetMethod(name) && this.works(name)) return name
      const why = isResetMethod(name) ? 'not supported by this function' : 'not a reset method'
      throw new RangeError(`EINVAL: ${name} is ${why}; supported: ${this.#working.join(' ')}`)
    })
    this.#list = Object.freeze(list)
  }
}

function isResetMethod(name: string): name is ResetMethod {
  return Object.hasOwn(RESET_EFFECTS, name)
}

function unknown(fn: PciFunction, name: string): Diagnostic {
  return {
    severity: 'warning',
    code: 'reset-method-unknown',
    message: `recorded reset method is not known and left out`,
    expected: RESET_METHODS.join(', '),
    found: name,
    bdf: fn.bdf,
  }
}
