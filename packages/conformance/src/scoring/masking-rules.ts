/**
 * Which value bits may differ, and why. A rule is consulted only for bytes that do differ: what is equal
 * was compared. What no rule names is compared always: ok, errno, signal, ret, lengths, flags, sizes,
 * offsets, capability chains, group numbers.
 */
import type { MachineDescription } from '../conformance-host.ts'
import type { ValueOrigin } from '../script/handler.ts'
import { messageBytes, powerStateByte } from './physical-capabilities.ts'
import { type ProfileText, RegisterMarks } from './register-marks.ts'

/** One byte of a value that differs. */
export interface ByteQuestion {
  readonly machine: MaskingMachine
  readonly origin: ValueOrigin
  /** Offset of the byte in its space. */
  readonly offset: number
  /** The whole values. */
  readonly expected: Uint8Array
  readonly actual: Uint8Array
}

/** What may differ, and the reason. */
export interface MaskingRule {
  readonly name: string
  readonly reason: string
  /** Bits of a byte that need not be equal. */
  bits?(question: ByteQuestion): number
  /** Whether the text of an attribute need not be equal. */
  attribute?(origin: ValueOrigin): boolean
}

const WHOLE_BYTE = 0xff
/** Address and data of an entry of the MSI-X table; its control follows. */
const MSIX_MESSAGE_BYTES = 12
/** PowerState of PMCSR. */
const POWER_STATE_BITS = 0x03

/** Every rule. */
export const MASKING_RULES: readonly MaskingRule[] = [
  {
    name: 'device-logic',
    reason: 'the profile marks the register as logic: what the device itself computes is not vfio',
    bits: (question) => (markOf(question) === 'logic' ? WHOLE_BYTE : 0),
  },
  {
    name: 'changes-by-itself',
    reason: 'the profile marks the register as volatile: it differs from one reading to the next',
    bits: (question) => (markOf(question) === 'volatile' ? WHOLE_BYTE : 0),
  },
  {
    name: 'msix-message',
    reason: 'address and data of an enabled MSI-X entry are numbers of the recorded host',
    bits: ({ machine, origin, offset, expected, actual }) => {
      if (origin.hasMessages !== true || isZero(expected) || isZero(actual)) return 0
      const at = machine.marks(origin.device)?.msixEntryByte(origin.region!, offset)
      return at !== undefined && at < MSIX_MESSAGE_BYTES ? WHOLE_BYTE : 0
    },
  },
  {
    name: 'msi-message',
    reason: 'address and data of an MSI in physical config space are numbers of the recorded host',
    bits: ({ machine, origin, offset }) =>
      origin.space === 'physical-config' && machine.messageBytes(origin.device).has(offset) ? WHOLE_BYTE : 0,
  },
  {
    name: 'asynchronous-suspend',
    reason: 'a device that nobody has open is suspended some time later: its power state is 0 or 3',
    bits: ({ machine, origin, offset }) =>
      origin.space === 'physical-config' && !origin.isOpen && machine.powerStateByte(origin.device) === offset
        ? POWER_STATE_BITS
        : 0,
    attribute: ({ attribute = '', isOpen }) =>
      !isOpen && (attribute === 'power_state' || attribute.startsWith('power/runtime_')),
  },
  {
    name: 'runtime-clock',
    reason: 'these attributes count time',
    attribute: ({ attribute }) =>
      attribute === 'power/runtime_active_time' || attribute === 'power/runtime_suspended_time',
  },
  {
    name: 'host-interrupt',
    reason: 'the number of an interrupt is the recorded host’s',
    attribute: ({ attribute }) => attribute === 'irq',
  },
]

/** What rules may ask of the machine of a recording. */
export class MaskingMachine {
  readonly #marks = new Map<string, RegisterMarks | undefined>()
  readonly #messages = new Map<string, ReadonlySet<number>>()

  constructor(readonly machine: Pick<MachineDescription, 'facts' | 'profiles'>) {}

  /** Marks of a function, by its kind; undefined when that kind was never measured. */
  marks(device: string): RegisterMarks | undefined {
    const kind = this.machine.facts.kind(device) ?? ''
    if (!this.#marks.has(kind)) {
      const profile = this.machine.profiles[kind] as ProfileText | undefined
      this.#marks.set(kind, profile === undefined ? undefined : new RegisterMarks(profile))
    }
    return this.#marks.get(kind)
  }

  /** Offsets of MSI address and data in configuration space. */
  messageBytes(device: string): ReadonlySet<number> {
    const known = this.#messages.get(device)
    if (known !== undefined) return known
    const config = this.machine.facts.functions.get(device)?.config
    const bytes = config === undefined ? new Set<number>() : messageBytes(config)
    this.#messages.set(device, bytes)
    return bytes
  }

  /** Offset of the byte that holds the power state. */
  powerStateByte(device: string): number | undefined {
    const config = this.machine.facts.functions.get(device)?.config
    return config === undefined ? undefined : powerStateByte(config)
  }
}

function markOf({ machine, origin, offset }: ByteQuestion): string | undefined {
  if (origin.space !== 'region' && origin.space !== 'mapping') return undefined
  return machine.marks(origin.device)?.at(origin.region!, offset)
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0)
}
