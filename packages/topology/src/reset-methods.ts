/**
 * Which reset methods Linux offers for a function, in its order, and why not the others (pci_init_reset_methods).
 *
 * The kernel asks when it finds the function: functions of the same bus that come later are not there yet, a bridge
 * has no bus below it yet, and hot-plug slots are not registered yet, except for virtual functions, which come last.
 * That is why function 0 of a card can list `bus` although using it is refused. `now` asks as a later re-probe does
 * (writing `default` to reset_method).
 */
import { Bdf } from './bdf.ts'
import { CAPABILITY_ID, EXTENDED_CAPABILITY_ID, findCapability } from './capability.ts'
import { DEFAULT_KERNEL, KERNEL_PROFILES, type KernelName, type KernelProfile } from './kernel-profile.ts'
import type { PciFunction } from './pci-function.ts'
import { forbidsBusReset } from './quirks/no-bus-reset.ts'
import { flrIsBroken, hasOwnReset, pmResetIsBroken } from './quirks/reset.ts'
import { slotHolds } from './slot.ts'
import type { Topology } from './topology.ts'

export type ResetMethod = 'device_specific' | 'acpi' | 'flr' | 'af_flr' | 'pm' | 'bus' | 'cxl_bus'

/** In the kernel's order. */
export const RESET_METHODS: readonly ResetMethod[] = [
  'device_specific',
  'acpi',
  'flr',
  'af_flr',
  'pm',
  'bus',
  'cxl_bus',
]

export type ResetObstacle =
  | 'not-in-this-kernel'
  | 'no-own-reset'
  | 'firmware-not-known'
  | 'config-not-known'
  | 'no-capability'
  | 'not-advertised'
  | 'known-broken'
  | 'keeps-state-in-d3hot'
  | 'on-root-bus'
  | 'no-bridge'
  | 'bridge-itself'
  | 'shares-bus'
  | 'masked-by-cxl-port'
  | 'no-cxl-port'

export interface ResetMethodVerdict {
  readonly method: ResetMethod
  /** undefined: the method is offered. */
  readonly obstacle: ResetObstacle | undefined
}

export interface ResetMethodOptions {
  readonly kernel?: KernelName
  readonly probed?: 'at-enumeration' | 'now'
}

type Answer = ResetObstacle | undefined

interface Question {
  readonly topology: Topology
  readonly fn: PciFunction
  readonly profile: KernelProfile
  readonly isLate: boolean
}

/** All methods in order, each with what stands in its way. @throws RangeError when there is no such function. */
export function explainResetMethods(
  topology: Topology,
  bdf: Bdf,
  options: ResetMethodOptions = {},
): readonly ResetMethodVerdict[] {
  const fn = topology.function(bdf)
  if (fn === undefined) throw new RangeError(`${bdf} is not in the topology`)
  const profile = KERNEL_PROFILES[options.kernel ?? DEFAULT_KERNEL]
  const isLate = options.probed === 'now' || fn.physfn !== undefined
  const question = { topology, fn, profile, isLate }
  return RESET_METHODS.map((method) => Object.freeze({ method, obstacle: PROBES[method](question) }))
}

/**
 * The methods that are offered, as `reset_method` lists them.
 *
 * @example
 * import { Bdf, predictResetMethods, yamlReader } from '@vfiokit/topology'
 * const topology = yamlReader.read(`
 * vfiokit: topology/1
 * functions:
 *   - {bdf: '00:01.0', id: '1b36:000c', class: '060400', bridge: {secondary: 1, subordinate: 1}}
 *   - bdf: '01:00.0'
 *     id: '1b36:0010'
 *     class: '010802'
 *     capabilities: [{id: power-management}, {id: pci-express, fields: {functionLevelReset: true}}]
 * `, {})
 * console.log(predictResetMethods(topology, Bdf.parse('01:00.0')).join(' ')) // => flr pm bus
 */
export function predictResetMethods(
  topology: Topology,
  bdf: Bdf,
  options: ResetMethodOptions = {},
): readonly ResetMethod[] {
  const offered = explainResetMethods(topology, bdf, options).filter(({ obstacle }) => obstacle === undefined)
  return offered.map(({ method }) => method)
}

const PROBES: Readonly<Record<ResetMethod, (question: Question) => Answer>> = {
  device_specific: ({ fn }) => (hasOwnReset(fn) ? undefined : 'no-own-reset'),
  // Only the firmware knows whether it has _RST for the device.
  acpi: ({ profile }) => (profile.hasAcpiReset ? 'firmware-not-known' : 'not-in-this-kernel'),
  flr: ({ fn }) => {
    if (fn.pcie === undefined)
      return fn.capabilitiesKnown === 'nothing' ? 'config-not-known' : 'no-capability'
    if (!fn.pcie.functionLevelReset) return 'not-advertised'
    return flrIsBroken(fn) ? 'known-broken' : undefined
  },
  af_flr: ({ fn }) => {
    const bits = capabilityByte(fn, CAPABILITY_ID.advancedFeatures, AF_CAPABILITIES)
    if (typeof bits !== 'number') return bits
    if ((bits & AF_BOTH) !== AF_BOTH) return 'not-advertised'
    return flrIsBroken(fn) ? 'known-broken' : undefined
  },
  pm: ({ fn }) => {
    const bits = capabilityByte(fn, CAPABILITY_ID.powerManagement, PM_CONTROL)
    if (typeof bits !== 'number') return bits
    if ((bits & PM_NO_SOFT_RESET) !== 0) return 'keeps-state-in-d3hot'
    return pmResetIsBroken(fn) ? 'known-broken' : undefined
  },
  bus: (question) => {
    const masked = cxlPort(question) === 'masked'
    if (masked && question.profile.cxlReset === 'hidden') return 'masked-by-cxl-port'
    if (masked && question.profile.cxlReset === 'listed') return undefined
    return slotAllows(question) ? undefined : busObstacle(question)
  },
  cxl_bus: (question) => {
    if (question.profile.cxlReset === 'absent') return 'not-in-this-kernel'
    return cxlPort(question) === undefined ? 'no-cxl-port' : undefined
  },
}

const AF_CAPABILITIES = 3
/** Transactions pending and function level reset. */
const AF_BOTH = 0x03
const PM_CONTROL = 4
const PM_NO_SOFT_RESET = 0x08

function capabilityByte(fn: PciFunction, id: number, offset: number): number | ResetObstacle {
  const capability = findCapability(fn, id)
  if (capability === undefined) return 'no-capability'
  if (capability === 'unknown' || !fn.config.has(capability.offset + offset, 1)) return 'config-not-known'
  return fn.config.read8(capability.offset + offset)
}

/** The only function of a slot whose driver can reset it. */
function slotAllows({ topology, fn, profile, isLate }: Question): boolean {
  const slot = fn.slot === undefined ? undefined : topology.slot(fn.slot)
  if (!isLate || slot === undefined || !slot.resettable) return false
  return slotHolds(slot, fn.bdf, profile) && !fn.multifunction && fn.headerType === 0 && !forbidsBusReset(fn)
}

function busObstacle({ topology, fn, isLate }: Question): Answer {
  const { domain, bus: number } = Bdf.parts(fn.bdf)
  const bus = topology.bus(domain, number)
  if (bus === undefined || bus.kind === 'root') return 'on-root-bus'
  if (bus.bridge === undefined) return 'no-bridge'
  if (isLate && fn.headerType !== 0) return 'bridge-itself'
  if (forbidsBusReset(fn)) return 'known-broken'
  const first = bus.functions[0]
  const isAlone = isLate ? bus.functions.length === 1 : first === fn
  return isAlone ? undefined : 'shares-bus'
}

const CXL_VENDOR = 0x1e98
const CXL_PORT_DVSEC = 3
const CXL_CONTROL = 0x0c
const CXL_UNMASK_RESET = 1

/** Whether the port above is a CXL port, and whether it masks secondary bus resets. */
function cxlPort({ topology, fn }: Question): 'masked' | 'unmasked' | undefined {
  const port = fn.parent === undefined ? undefined : topology.function(fn.parent)
  if (port === undefined) return undefined
  const { config } = port
  const dvsec = port.capabilities.find((entry) => {
    const { offset } = entry
    if (!entry.extended || entry.id !== EXTENDED_CAPABILITY_ID.designatedVendorSpecific) return false
    if (!config.has(offset + 4, 10)) return false
    return config.read16(offset + 4) === CXL_VENDOR && config.read16(offset + 8) === CXL_PORT_DVSEC
  })
  if (dvsec === undefined || !config.has(dvsec.offset + CXL_CONTROL, 2)) return undefined
  return (config.read16(dvsec.offset + CXL_CONTROL) & CXL_UNMASK_RESET) === 0 ? 'masked' : 'unmasked'
}
