/**
 * Reset methods: how a function can be reset, how far each method reaches and what it clears.
 *
 * | method | reaches | clears |
 * |---|---|---|
 * | device_specific, acpi | the function | as flr: what vendor or firmware do is not known, a full reset is assumed |
 * | flr, af_flr | the function | the registers that the tables mark, BAR memory |
 * | pm | the function | nothing but the power state: measured, no byte changes from D3hot to D0 |
 * | bus, cxl_bus | everything below the bridge | as flr, on each function; bridges lose numbers and windows |
 *
 * The list of a function is what the source recorded, else what Linux finds when it enumerates the function. That
 * moment matters: `bus` is listed for the first function found on a bus, because it is alone there at that time,
 * and when it is used later it fails with ENOTTY if others have joined (pci_parent_bus_reset). So listing and
 * working are two questions here too.
 */
import {
  Bdf,
  CAPABILITY_ID,
  type Diagnostic,
  forbidsBusReset,
  type PciFunction,
  resetDomain,
  type Topology,
} from '@vfiokit/topology'
import type { ResetEvent } from './device-model.ts'
import type { ResetMethodName } from './pci-hardware.ts'

/** What can be told of a function before any method is tried. */
interface ResetSupport {
  readonly flr: boolean
  readonly afFlr: boolean
  readonly pm: boolean
  readonly bus: boolean
  /** Methods that need a table or firmware: there if the source recorded them. */
  readonly recorded: ReadonlySet<string>
}

export interface ResetMethodRule {
  readonly reach: 'function' | 'bus'
  /** What the device sees. `pm` leaves the registers alone. */
  readonly event: ResetEvent
  readonly supported: (support: ResetSupport) => boolean
}

/** In the kernel's order (pci_reset_fn_methods). */
export const RESET_METHODS: Readonly<Record<ResetMethodName, ResetMethodRule>> = {
  device_specific: {
    reach: 'function',
    event: 'flr',
    supported: ({ recorded }) => recorded.has('device_specific'),
  },
  acpi: { reach: 'function', event: 'flr', supported: ({ recorded }) => recorded.has('acpi') },
  flr: { reach: 'function', event: 'flr', supported: ({ flr }) => flr },
  af_flr: { reach: 'function', event: 'flr', supported: ({ afFlr }) => afFlr },
  pm: { reach: 'function', event: 'pm', supported: ({ pm }) => pm },
  bus: { reach: 'bus', event: 'bus', supported: ({ bus }) => bus },
  cxl_bus: { reach: 'bus', event: 'bus', supported: ({ bus, recorded }) => bus && recorded.has('cxl_bus') },
}

const RESET_METHOD_NAMES: readonly ResetMethodName[] = Object.keys(RESET_METHODS) as ResetMethodName[]

/** Devices whose FLR is broken (quirk_no_flr). */
const NO_FLR: Readonly<Record<number, readonly number[]>> = {
  4130: [0x1487, 0x148c, 0x149c, 0x7901, 0x1502, 0x17f0],
  32902: [0x1502, 0x1503],
  5315: [0x0616, 0x7925],
}
const ATI_VENDOR = 0x1002
const CLASS_VGA = 0x0300
const DEVICE_CAPABILITIES_FLR = 0x1000_0000
const AF_TP_AND_FLR = 3
const PM_NO_SOFT_RESET = 0x8

type Read = (offset: number, widthBytes: 1 | 2 | 4) => number

/** The reset methods of one function: the list as it is now, and what works. */
export class ResetMethods {
  readonly diagnostics: readonly Diagnostic[]
  readonly #support: ResetSupport
  #list: readonly ResetMethodName[]

  constructor(fn: PciFunction, topology: Topology, read: Read) {
    const recorded = new Set(fn.resetMethods ?? [])
    const own = { ...functionSupport(fn, topology, read), recorded }
    this.#support = { ...own, bus: busWorks(fn, topology, 'now') }
    const found = { ...own, bus: busWorks(fn, topology, 'enumeration') }
    this.#list = Object.freeze(
      fn.resetMethods === undefined ? supported(found) : fn.resetMethods.filter(isResetMethodName),
    )
    this.diagnostics = [...recorded]
      .filter((name) => !isResetMethodName(name))
      .map((name) => unknown(fn, name))
  }

  get list(): readonly ResetMethodName[] {
    return this.#list
  }

  /** Whether using the method now resets the function. */
  works(method: ResetMethodName): boolean {
    return RESET_METHODS[method].supported(this.#support)
  }

  /** sysfs `reset_method`. @throws RangeError (EINVAL) for an unknown or unsupported name; nothing changes then. */
  set(text: string): void {
    const names = text
      .trim()
      .split(/\s+/)
      .filter((name) => name !== '')
    if (names.length === 1 && names[0] === 'default') {
      this.#list = Object.freeze(supported(this.#support))
      return
    }
    const list = names.map((name): ResetMethodName => {
      if (isResetMethodName(name) && this.works(name)) return name
      const why = isResetMethodName(name) ? 'not supported by this function' : 'not a reset method'
      throw new RangeError(`EINVAL: ${name} is ${why}; supported: ${supported(this.#support).join(' ')}`)
    })
    this.#list = Object.freeze(list)
  }
}

function supported(support: ResetSupport): ResetMethodName[] {
  return RESET_METHOD_NAMES.filter((name) => RESET_METHODS[name].supported(support))
}

function isResetMethodName(name: string): name is ResetMethodName {
  return Object.hasOwn(RESET_METHODS, name)
}

function unknown(fn: PciFunction, name: string): Diagnostic {
  return {
    severity: 'warning',
    code: 'reset-method-unknown',
    message: `recorded reset method is not known and left out`,
    expected: RESET_METHOD_NAMES.join(', '),
    found: name,
    bdf: fn.bdf,
  }
}

function functionSupport(
  fn: PciFunction,
  topology: Topology,
  read: Read,
): Pick<ResetSupport, 'flr' | 'afFlr' | 'pm'> {
  const offsetOf = (id: number): number | undefined =>
    fn.capabilities.find((entry) => entry.id === id && !entry.extended)?.offset
  const flrWorks = !(NO_FLR[fn.vendorId]?.includes(fn.deviceId) ?? false)
  const pcie = offsetOf(CAPABILITY_ID.pciExpress)
  const af = offsetOf(CAPABILITY_ID.advancedFeatures)
  const pm = offsetOf(CAPABILITY_ID.powerManagement)
  const { domain, bus } = Bdf.parts(fn.bdf)
  const onRootBus = topology.bus(domain, bus)?.kind === 'root'
  const pmWorks = fn.vendorId !== ATI_VENDOR || fn.classCode >>> 8 !== CLASS_VGA || onRootBus
  return {
    flr: flrWorks && pcie !== undefined && (read(pcie + 4, 4) & DEVICE_CAPABILITIES_FLR) !== 0,
    afFlr: flrWorks && af !== undefined && (read(af + 3, 1) & AF_TP_AND_FLR) === AF_TP_AND_FLR,
    pm: pmWorks && pm !== undefined && (read(pm + 4, 2) & PM_NO_SOFT_RESET) === 0,
  }
}

/**
 * Through its slot, if the slot can be reset and holds this one function; else by the bus, if nobody else is on it.
 * At enumeration nobody has been found after the function, and nothing below it.
 */
function busWorks(fn: PciFunction, topology: Topology, when: 'enumeration' | 'now'): boolean {
  if (forbidsBusReset(fn)) return false
  const isBridge = fn.headerType !== 0 && when === 'now'
  if (!isBridge && !fn.multifunction && resetDomain(topology, fn.bdf).slot !== undefined) return true
  const { domain, bus } = Bdf.parts(fn.bdf)
  const place = topology.bus(domain, bus)
  if (isBridge || place?.bridge === undefined) return false
  const others = place.functions.filter(({ bdf }) => bdf !== fn.bdf)
  return when === 'now' ? others.length === 0 : others.every(({ bdf }) => Bdf.compare(bdf, fn.bdf) > 0)
}
