/** What if a port's Access Control Services were set otherwise. Internal to what-if. */
import { Bdf } from '../bdf.ts'
import { ACCESS_CONTROL_SERVICES } from '../capabilities/isolation.ts'
import { EXTENDED_CAPABILITY_ID, findCapability } from '../capability.ts'
import { patchConfig } from '../config-patch.ts'
import type { UngroupedFunction } from '../pci-function.ts'
import { acsQuirk } from '../quirks/acs.ts'
import type { MachineDraft, Part } from './machine-draft.ts'
import { type EditOutcome, noSuchFunction, refuse, warn } from './refusal.ts'
import { ACS_CONTROLS, type AcsControl, type AcsControls, type TopologyEdit } from './topology-edit.ts'

const ABLE = 4
const CONTROL = 6
/** Of the family that has its control register in the wrong place. */
const CONTROL_MISPLACED = 8

const BIT: ReadonlyMap<AcsControl, number> = new Map(
  ACS_CONTROLS.map((control) => {
    const field = ACCESS_CONTROL_SERVICES.fields.find(({ name }) => name === control)!
    return [control, 1 << field.low]
  }),
)

export function setAcs(machine: MachineDraft, edit: Extract<TopologyEdit, { kind: 'acs' }>): EditOutcome {
  const { port: bdf, controls } = edit
  const part = machine.get(bdf)
  if (part === undefined) return noSuchFunction(bdf)
  const { config } = part.decoded
  const capability = findCapability(part.decoded, EXTENDED_CAPABILITY_ID.accessControlServices, 'extended')
  if (capability === undefined) return refuse('edit-no-acs', `${bdf} has no Access Control Services`, { bdf })
  const quirk = quirkOf(part)
  const register = quirk === 'control-at-8' ? CONTROL_MISPLACED : CONTROL
  if (capability === 'unknown' || !config.has(capability.offset, register + 2)) {
    const message = `${bdf}: the registers of its Access Control Services are not among the known bytes`
    return refuse('edit-config-unknown', message, { bdf })
  }
  const able = config.read16(capability.offset + ABLE)
  const isAble = (name: AcsControl): boolean => (able & BIT.get(name)!) !== 0
  const absent = ACS_CONTROLS.filter((name) => controls[name] === true && !isAble(name))
  if (absent.length > 0) {
    const expected = ACS_CONTROLS.filter(isAble).join(', ') || 'no control at all'
    return refuse('edit-acs-bit-missing', `${bdf} has no control for ${absent.join(', ')}`, { bdf, expected })
  }
  const offset = capability.offset + register
  const value = changed(config.read16(offset), controls)
  machine.replace(bdf, { config: patchConfig(config, [{ offset, widthBytes: 2, value }]) })
  machine.forget(concerned(machine, bdf), 'iommuGroup')
  if (quirk === undefined || quirk === 'control-at-8') return undefined
  const message = `${bdf} is in Linux's table of devices, which decides instead of these bits (${quirk})`
  return warn('edit-changes-nothing', message, { bdf })
}

function changed(control: number, controls: AcsControls): number {
  return ACS_CONTROLS.reduce((value, name) => {
    if (controls[name] === undefined) return value
    return controls[name] ? value | BIT.get(name)! : value & ~BIT.get(name)!
  }, control)
}

function quirkOf(part: Part): ReturnType<typeof acsQuirk> {
  const multifunction = part.input.multifunction ?? false
  // The tables ask for ids, kind, parent and multifunction only.
  return acsQuirk({ ...part.decoded, parent: part.parent, multifunction } as UngroupedFunction)
}

/** Functions whose group the bits decide: the port, its siblings, and all below them. */
function concerned(machine: MachineDraft, port: Bdf): ReadonlySet<Bdf> {
  const { domain, bus, device } = Bdf.parts(port)
  const siblings = machine.onBus(domain, bus).filter((bdf) => Bdf.parts(bdf).device === device)
  return machine.withBelow(siblings)
}
