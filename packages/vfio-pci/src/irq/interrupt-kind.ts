/** How many interrupts of each kind a function has, and what GET_IRQ_INFO says of them. */
import type { PciHardware } from '@vfiokit/hardware'
import { CAPABILITY_ID } from '@vfiokit/topology'
import { IRQ_FLAGS, IRQ_INFO, PCI_IRQ, VfioError } from '@vfiokit/vfio-core'
import { MSI } from '../config/capability-permissions.ts'
import { HEADER } from '../config/register-permissions.ts'
import { capabilityOffset } from '../config/virtual-config.ts'
import { argumentIn } from '../ioctl-argument.ts'
import type { OpenPciDevice } from '../open-pci-device.ts'

const MSI_CAPABLE_SHIFT = 1
const MSI_CAPABLE_MASK = 7
const MSIX_SIZE_MASK = 0x7ff
const INTEL = 0x8086
/** Devices whose pin raises interrupts that nothing can mask, by id. Kernel: `vfio_pci_nointx`. */
const PIN_NOT_USABLE: readonly (readonly [number, number])[] = [
  [0x1563, 0x1563],
  [0x1572, 0x1572],
  [0x1574, 0x1574],
  [0x1580, 0x1581],
  [0x1583, 0x158b],
  [0x37d0, 0x37d2],
]

/** Whether the pin of a function is never used. */
export function isPinRefused({ identity }: PciHardware): boolean {
  if (identity.vendorId !== INTEL) return false
  return PIN_NOT_USABLE.some(([first, last]) => identity.deviceId >= first && identity.deviceId <= last)
}

const COUNTS: readonly ((open: OpenPciDevice) => number)[] = [
  ({ config, hardware }) => (config.copy(HEADER.INTERRUPT_PIN, 1) === 0 || isPinRefused(hardware) ? 0 : 1),
  ({ hardware }) => {
    const at = capabilityOffset(hardware, CAPABILITY_ID.msi)
    if (at === undefined) return 0
    return 2 ** ((hardware.readConfig(at + MSI.FLAGS, 2) >> MSI_CAPABLE_SHIFT) & MSI_CAPABLE_MASK)
  },
  ({ hardware }) => {
    const at = capabilityOffset(hardware, CAPABILITY_ID.msiX)
    return at === undefined ? 0 : (hardware.readConfig(at + 2, 2) & MSIX_SIZE_MASK) + 1
  },
  ({ hardware }) => (capabilityOffset(hardware, CAPABILITY_ID.pciExpress) === undefined ? 0 : 1),
  () => 1,
]

/**
 * How many interrupts an index has. Kernel: `vfio_pci_get_irq_count`.
 *
 * @param index - One of `PCI_IRQ`; others have none.
 */
export function interruptCount(open: OpenPciDevice, index: number): number {
  return COUNTS[index]?.(open) ?? 0
}

/** Whether vectors can be added while others are enabled. */
export function growsVectors({ hardware, profile }: OpenPciDevice): boolean {
  return profile.dynamicMsix && capabilityOffset(hardware, CAPABILITY_ID.msiX) !== undefined
}

/** VFIO_DEVICE_GET_IRQ_INFO. @throws VfioError EINVAL for an index that the device does not have. */
export function interruptInfo(open: OpenPciDevice, argument: Uint8Array): number {
  const { index } = argumentIn(IRQ_INFO, argument)
  const count = interruptCount(open, index)
  if (index >= PCI_IRQ.COUNT || (index === PCI_IRQ.ERR && count === 0))
    throw new VfioError('EINVAL', 'bad-index', `${open.device.id} has no interrupt index ${index}`)
  IRQ_INFO.write(argument, { flags: IRQ_FLAGS.EVENTFD | kindFlags(open, index), count })
  return 0
}

function kindFlags(open: OpenPciDevice, index: number): number {
  if (index === PCI_IRQ.INTX) return IRQ_FLAGS.MASKABLE | IRQ_FLAGS.AUTOMASKED
  return index === PCI_IRQ.MSIX && growsVectors(open) ? 0 : IRQ_FLAGS.NORESIZE
}
