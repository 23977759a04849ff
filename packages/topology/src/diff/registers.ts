/** The registers of a function that people set, by name; what the hardware changes by itself is left out. */
import { CAPABILITY_ID, type Capability } from '../capability.ts'
import { type Field, readFields, register } from '../capability-layout.ts'
import { capabilityLayout, decodeCapability } from '../capability-layouts.ts'
import type { PciFunction } from '../pci-function.ts'
import type { DiffValue, Fields } from './field-change.ts'

const command = register(0x04, 2)
const bridgeControl = register(0x3e, 2)

const COMMAND: readonly Field[] = [
  command.flag('command.io', 0),
  command.flag('command.memory', 1),
  command.flag('command.busMaster', 2),
  command.flag('command.parityResponse', 6),
  command.flag('command.serr', 8),
  command.flag('command.interruptDisable', 10),
]

const BRIDGE_CONTROL: readonly Field[] = [
  bridgeControl.flag('bridgeControl.parityResponse', 0),
  bridgeControl.flag('bridgeControl.serr', 1),
  bridgeControl.flag('bridgeControl.isa', 2),
  bridgeControl.flag('bridgeControl.vga', 3),
  bridgeControl.flag('bridgeControl.vga16', 4),
  bridgeControl.flag('bridgeControl.masterAbort', 5),
  bridgeControl.flag('bridgeControl.secondaryBusReset', 6),
]

const ADVANCED_ERROR_REPORTING = 0x01
const PAGE_REQUEST_INTERFACE = 0x13
const DOWNSTREAM_PORT_CONTAINMENT = 0x1d
const VITAL_PRODUCT_DATA = 0x03

/** Fields that change without anybody setting them, or at every start: by capability, whole names or their ends. */
const BY_ITSELF: ReadonlyMap<string, RegExp> = new Map([
  [key(CAPABILITY_ID.powerManagement, false), /^(state|pmeStatus)$/],
  [key(VITAL_PRODUCT_DATA, false), /./],
  [key(CAPABILITY_ID.msi, false), /^(address|data|mask|pending)$/],
  [key(CAPABILITY_ID.pciExpress, false), /(Detected|^transactionsPending|^linkTraining)$/],
  [key(CAPABILITY_ID.advancedFeatures, false), /^transactionPending$/],
  [key(ADVANCED_ERROR_REPORTING, true), /(Status|Received|^firstIsFatal|^firstErrorPointer)$/],
  [key(PAGE_REQUEST_INTERFACE, true), /^(responseFailure|unexpectedGroupIndex|stopped)$/],
  [
    key(DOWNSTREAM_PORT_CONTAINMENT, true),
    /^(trigger(ed|Reason)|.*Status|rootPortBusy|first.*|errorSource)$/,
  ],
])

function key(id: number, extended: boolean): string {
  return `${extended ? 'x' : ''}${id}`
}

/**
 * By `capability.field`, the offset behind the name where a function has several of the kind. Only of capabilities
 * that `other` has at the same place: one that came or went is one difference, not one for each of its fields.
 */
export function registerFields(fn: PciFunction, other: PciFunction): Fields {
  const fields: Record<string, DiffValue> = { ...readFields(fn.config, 0, COMMAND) }
  if (fn.headerType !== 0) Object.assign(fields, readFields(fn.config, 0, BRIDGE_CONTROL))
  const shared = new Set(other.capabilities.map(place))
  const counts = new Map<string, number>()
  for (const { name } of fn.capabilities) counts.set(name, (counts.get(name) ?? 0) + 1)
  for (const capability of fn.capabilities) {
    if (!shared.has(place(capability))) continue
    const isOne = counts.get(capability.name) === 1
    const prefix = isOne ? capability.name : `${capability.name}@${capability.offset.toString(16)}`
    addFields(fields, prefix, fn, capability)
  }
  return fields
}

function place({ id, extended, offset }: Capability): string {
  return `${key(id, extended)}@${offset}`
}

/** A capability without a layout is bytes of which nobody knows who changes them; so is vendors' own data. */
function addFields(
  fields: Record<string, DiffValue>,
  prefix: string,
  fn: PciFunction,
  capability: Capability,
): void {
  if (capabilityLayout(capability.id, capability.extended) === undefined) return
  const byItself = BY_ITSELF.get(key(capability.id, capability.extended))
  for (const [name, value] of Object.entries(decodeCapability(fn, capability))) {
    if (byItself?.test(name)) continue
    fields[`${prefix}.${name}`] = plain(value)
  }
}

function plain(value: unknown): DiffValue {
  if (typeof value === 'bigint') return `0x${value.toString(16)}`
  if (Array.isArray(value)) return value.map((item) => String(plain(item)))
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value)
      .map(([name, part]) => `${name} ${String(plain(part))}`)
      .join(', ')
  }
  return (value ?? null) as DiffValue
}
