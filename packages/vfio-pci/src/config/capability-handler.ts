/**
 * Capabilities that a plugin shows to users: of an id that vfio-pci hides, or otherwise than vfio-pci shows them.
 * Kernel: a row of `pci_cap_length` or `pci_ext_cap_length`, and its `perm_bits`.
 */
import { CAPABILITY_ID, type PciFunction } from '@vfiokit/topology'
import { PluginCalls } from '../plugin-calls.ts'
import type { PluginFailureLog } from '../plugin-failure.ts'
import { CAPABILITY_PERMISSIONS, type CapabilityPermissions, NEXT } from './capability-permissions.ts'
import { CAPABILITY_WRITES } from './capability-writes.ts'
import { OWNER } from './config-map.ts'
import { EXTENDED_HEADER, EXTENDED_PERMISSIONS } from './extended-permissions.ts'
import type { RegisterPermission } from './register-permissions.ts'

/** How capabilities of one id look to users, on functions that match. */
export interface CapabilityHandler {
  readonly name: string
  /** Pure: decides from identity alone. */
  matches(fn: PciFunction): boolean
  /** Of all capabilities of this id on the function. Those that vfio-pci itself acts on cannot be taken over. */
  readonly id: number
  /** In the extended list; absent: in the standard one. */
  readonly extended?: boolean
  /** Header included: 2 bytes of a standard one, 4 of an extended one. */
  readonly lengthBytes: number
  /** Behind the header. What is not named reads from the hardware, and writes to it are lost. */
  readonly registers: readonly RegisterPermission[]
}

/** How the capabilities of one function are shown. */
export class CapabilityTable {
  readonly #standard = new Map<number, CapabilityPermissions>()
  readonly #extended = new Map<number, CapabilityPermissions>()

  /** One that is wrong, or fails to match, is told and left out. */
  constructor(fn: PciFunction, handlers: readonly CapabilityHandler[], log: PluginFailureLog) {
    for (const handler of handlers) {
      const calls = new PluginCalls(handler.name, fn.bdf, log)
      if (calls.matches(() => handler.matches(fn))) calls.tolerated('registers', () => this.#add(handler))
    }
  }

  /** undefined hides it. */
  permissions(id: number, extended: boolean): CapabilityPermissions | undefined {
    if (extended) return this.#extended.get(id) ?? EXTENDED_PERMISSIONS.get(id)
    return this.#standard.get(id) ?? CAPABILITY_PERMISSIONS.get(id)
  }

  #add({ id, extended = false, lengthBytes, registers }: CapabilityHandler): void {
    const own = extended ? this.#extended : this.#standard
    const [header, headerBytes, idMax] = extended ? [EXTENDED_HEADER, 4, 0xffff] : [NEXT, 2, 0xff]
    if (!Number.isInteger(id) || id < 1 || id > idMax) throw new RangeError(`id ${id} is not 1 to ${idMax}`)
    if (NO_CAPABILITY.has(id & 0xff))
      throw new RangeError(`id ${id} cannot be told from bytes without a capability`)
    if (!extended && (CAPABILITY_WRITES.has(id) || ACTED_ON.has(id)))
      throw new RangeError(`capability 0x${id.toString(16)} is one that vfio-pci acts on`)
    if (own.has(id)) throw new RangeError(`capability 0x${id.toString(16)} is taken over already`)
    if (!Number.isInteger(lengthBytes) || lengthBytes < headerBytes)
      throw new RangeError(`lengthBytes is ${lengthBytes}, not a whole number from ${headerBytes} on`)
    const wrong = registers.find(
      ({ offset, widthBytes }) => offset < headerBytes || offset + widthBytes > lengthBytes,
    )
    if (wrong !== undefined)
      throw new RangeError(`the register at ${wrong.offset} is not between ${headerBytes} and ${lengthBytes}`)
    own.set(id, { lengthBytes, registers: [header, ...registers] })
  }
}

/** The map of owners has 8 bits for an id, as in the kernel. */
const NO_CAPABILITY: ReadonlySet<number> = new Set<number>(Object.values(OWNER))
/** Beside those whose writes do something: what interrupts go by. */
const ACTED_ON: ReadonlySet<number> = new Set<number>([CAPABILITY_ID.msiX, CAPABILITY_ID.pciX])
