/**
 * The walk along both capability lists at open: what is shown gets its bytes, and each pointer is made to
 * skip what is hidden. Lists that loop, overlap or break off end after as many steps as fit the space.
 *
 * Kernel: `vfio_cap_init`, `vfio_ecap_init`.
 */
import type { PciHardware } from '@vfiokit/hardware'
import { CAPABILITY_ID } from '@vfiokit/topology'
import type { CapabilityTable } from './capability-handler.ts'
import {
  type CapabilityPermissions,
  type ConfigKernel,
  isPciX2,
  type ReadRegister,
} from './capability-permissions.ts'
import { HEADER_BYTES, STANDARD_BYTES } from './config-map.ts'
import { HEADER, STATUS } from './register-permissions.ts'

/** A capability that gets its bytes. */
export interface Claim {
  readonly id: number
  readonly start: number
  readonly lengthBytes: number
  readonly extended: boolean
  /** Absent for the placeholder of a hidden one. */
  readonly permissions: CapabilityPermissions | undefined
  readonly read: ReadRegister
}

/** The configuration space that is being divided up. */
export interface ClaimedSpace {
  readonly hardware: PciHardware
  readonly kernel: ConfigKernel
  readonly table: CapabilityTable
  /** The copy, as found. */
  readonly bytes: Uint8Array
  claim(claim: Claim): void
}

/** A capability takes at least so much, which bounds the number of steps. */
const LEAST_BYTES = 4

/** Divides up the space of one device. */
export function claimCapabilities(space: ClaimedSpace): void {
  if (claimStandard(space)) claimExtended(space)
}

/** @returns whether there are extended capabilities to look for */
function claimStandard(space: ClaimedSpace): boolean {
  const { bytes, kernel } = space
  if ((bytes[HEADER.STATUS]! & STATUS.CAPABILITY_LIST) === 0) return false
  let hasExtended = false
  let pointer: number = HEADER.CAPABILITIES
  let shown = 0
  let start = bytes[HEADER.CAPABILITIES]!
  for (let left = (STANDARD_BYTES - HEADER_BYTES) / LEAST_BYTES; start !== 0 && left > 0; left--) {
    const read = registersAt(space, start)
    const [id, next] = [read(0, 1), read(1, 1)]
    const permissions = space.table.permissions(id, false)
    const lengthBytes = lengthOf(permissions, read, kernel)
    if (lengthBytes === 0) bytes[pointer] = next
    else {
      hasExtended ||= leadsToExtended(space, id, read)
      space.claim({ id, start, lengthBytes, extended: false, permissions, read })
      pointer = start + 1
      shown++
    }
    start = next
  }
  if (shown === 0) bytes[HEADER.STATUS]! &= ~STATUS.CAPABILITY_LIST
  return hasExtended
}

function leadsToExtended(space: ClaimedSpace, id: number, read: ReadRegister): boolean {
  if (id !== CAPABILITY_ID.pciExpress && !(id === CAPABILITY_ID.pciX && isPciX2(read))) return false
  return registersAt(space, STANDARD_BYTES)(0, 4) !== 0
}

function claimExtended(space: ClaimedSpace): void {
  const { bytes, kernel } = space
  let previous: number | undefined
  let shown = 0
  let start = STANDARD_BYTES
  for (
    let left = (bytes.length - STANDARD_BYTES) / LEAST_BYTES;
    start >= STANDARD_BYTES && left > 0;
    left--
  ) {
    const read = registersAt(space, start)
    const header = read(0, 4)
    const id = header & 0xffff
    const next = (header >>> 20) & 0xffc
    const permissions = space.table.permissions(id, true)
    const lengthBytes = lengthOf(permissions, read, kernel)
    if (lengthBytes > 0) {
      space.claim({ id, start, lengthBytes, extended: true, permissions, read })
      previous = start
      shown++
    } else if (previous !== undefined) setNext(bytes, previous, next)
    else {
      // The first cannot be skipped: it stays as a header without id and version.
      space.claim({ id, start, lengthBytes: LEAST_BYTES, extended: true, permissions: undefined, read })
      bytes.fill(0, start, start + 2)
      setNext(bytes, start, next, 0)
      previous = start
    }
    start = next
  }
  if (shown === 0) bytes.fill(0, STANDARD_BYTES, STANDARD_BYTES + 4)
}

/** Next is the top 12 bits of the header, the version the 4 below them. */
function setNext(bytes: Uint8Array, header: number, next: number, version = bytes[header + 2]! & 0xf): void {
  bytes[header + 2] = ((next & 0xf) << 4) | version
  bytes[header + 3] = next >>> 4
}

function lengthOf(
  permissions: CapabilityPermissions | undefined,
  read: ReadRegister,
  kernel: ConfigKernel,
): number {
  if (permissions === undefined) return 0
  const { lengthBytes } = permissions
  return typeof lengthBytes === 'number' ? lengthBytes : lengthBytes(read, kernel)
}

/** Byte by byte from the hardware: a damaged pointer need not be aligned, and may lead to the very end. */
function registersAt({ hardware, bytes }: ClaimedSpace, start: number): ReadRegister {
  return (offset, widthBytes) => {
    let value = 0
    for (let at = start + offset + widthBytes - 1; at >= start + offset; at--)
      value = value * 256 + (at < bytes.length ? hardware.readConfig(at, 1) : 0)
    return value
  }
}
