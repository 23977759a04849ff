/**
 * Virtual functions: which addresses the virtual functions of a physical function have.
 *
 * VF n (from 0) has routing ID = that of the physical function + First VF Offset + n * VF Stride. The sum is over 16
 * bits, so it runs from the device number into the bus number.
 */
import { Bdf } from './bdf.ts'
import { SR_IOV } from './capabilities/sr-iov.ts'
import { EXTENDED_CAPABILITY_ID, findCapability } from './capability.ts'
import { readFields } from './capability-layout.ts'
import type { PciFunction } from './pci-function.ts'

export interface SriovInfo {
  readonly vfEnable: boolean
  readonly initialVfs: number
  readonly totalVfs: number
  readonly numVfs: number
  readonly firstVfOffset: number
  readonly vfStride: number
  readonly vfDeviceId: number
}

/** undefined when the function has no SR-IOV capability, or its bytes are not known. */
export function sriovInfo(
  fn: Pick<PciFunction, 'config' | 'capabilities' | 'capabilitiesKnown'>,
): SriovInfo | undefined {
  const capability = findCapability(fn, EXTENDED_CAPABILITY_ID.singleRootIoVirtualization, 'extended')
  if (capability === undefined || capability === 'unknown') return undefined
  if (!fn.config.has(capability.offset, SR_IOV.sizeBytes)) return undefined
  return readFields(fn.config, capability.offset, SR_IOV.fields) as unknown as SriovInfo
}

export type VirtualFunctionAddresses =
  | { readonly ok: true; readonly addresses: readonly Bdf[] }
  | { readonly ok: false; readonly reason: 'offset-zero' | 'stride-zero' | 'bus-out-of-range' }

/**
 * @param count how many virtual functions.
 * @param lastBus the highest bus number the bridge above passes down; an address beyond it is refused, as Linux
 *   refuses to enable the functions then.
 *
 * @example
 * import { Bdf, virtualFunctionAddresses } from '@vfiokit/topology'
 * const found = virtualFunctionAddresses(Bdf.parse('5e:00.0'), { firstVfOffset: 128, vfStride: 4 }, 3)
 * console.log(found.ok ? found.addresses.join(' ') : found.reason) // => 0000:5e:10.0 0000:5e:10.4 0000:5e:11.0
 */
export function virtualFunctionAddresses(
  physical: Bdf,
  sriov: Pick<SriovInfo, 'firstVfOffset' | 'vfStride'>,
  count: number,
  lastBus = 255,
): VirtualFunctionAddresses {
  if (count === 0) return { ok: true, addresses: [] }
  const { firstVfOffset, vfStride } = sriov
  if (firstVfOffset === 0) return { ok: false, reason: 'offset-zero' }
  if (vfStride === 0 && count > 1) return { ok: false, reason: 'stride-zero' }
  const first = Bdf.routingId(physical) + firstVfOffset
  if (first + (count - 1) * vfStride > lastBus * 256 + 255) return { ok: false, reason: 'bus-out-of-range' }
  const { domain } = Bdf.parts(physical)
  const addresses = Array.from({ length: count }, (_, n) => Bdf.fromRoutingId(domain, first + n * vfStride))
  return { ok: true, addresses }
}
