/** Which interrupts a function has: information, and how many of each. Kernel: `vfio_pci_get_irq_count`. */
import { CAPABILITY_ID } from '@vfiokit/topology'
import { IRQ_FLAGS, IRQ_INFO, type KernelProfile, PCI_IRQ, VfioError } from '@vfiokit/vfio-core'
import { HEADER } from '../config/register-permissions.ts'
import { capabilityOffset } from '../config/virtual-config.ts'
import { argumentIn } from '../ioctl-argument.ts'
import type { OpenPciDevice } from '../open-pci-device.ts'

const MSI_VECTORS = { SHIFT: 1, MASK: 7 } as const
const MSIX_LAST_VECTOR = 0x7ff
const CONTROL = 2

/** Kinds of interrupts by index: how many vectors there can be, and what can be done with them. */
const KINDS: Readonly<Record<number, { flags: number; count(open: OpenPciDevice): number }>> = {
  [PCI_IRQ.INTX]: {
    flags: IRQ_FLAGS.EVENTFD | IRQ_FLAGS.MASKABLE | IRQ_FLAGS.AUTOMASKED,
    count: ({ config }) => (config.copy(HEADER.INTERRUPT_PIN, 1) === 0 ? 0 : 1),
  },
  [PCI_IRQ.MSI]: {
    flags: IRQ_FLAGS.EVENTFD | IRQ_FLAGS.NORESIZE,
    count: (open) => {
      const control = controlOf(open, CAPABILITY_ID.msi)
      return control === undefined ? 0 : 2 ** ((control >>> MSI_VECTORS.SHIFT) & MSI_VECTORS.MASK)
    },
  },
  [PCI_IRQ.MSIX]: {
    flags: IRQ_FLAGS.EVENTFD | IRQ_FLAGS.NORESIZE,
    count: (open) => {
      const control = controlOf(open, CAPABILITY_ID.msiX)
      return control === undefined ? 0 : (control & MSIX_LAST_VECTOR) + 1
    },
  },
  // Errors are reported by PCI Express alone.
  [PCI_IRQ.ERR]: {
    flags: IRQ_FLAGS.EVENTFD | IRQ_FLAGS.NORESIZE,
    count: ({ hardware }) => (capabilityOffset(hardware, CAPABILITY_ID.pciExpress) === undefined ? 0 : 1),
  },
  [PCI_IRQ.REQ]: { flags: IRQ_FLAGS.EVENTFD | IRQ_FLAGS.NORESIZE, count: () => 1 },
}

/** How many interrupts of an index there are; 0 for an index that is none. */
export function irqCount(open: OpenPciDevice, index: number): number {
  return KINDS[index]?.count(open) ?? 0
}

/**
 * GET_IRQ_INFO. Kernel: `vfio_pci_ioctl_get_irq_info`.
 *
 * @throws VfioError EINVAL for an index that is none, or for errors of a function that cannot report any.
 */
export function irqInfo(open: OpenPciDevice, profile: KernelProfile, argument: Uint8Array): number {
  const { index } = argumentIn(IRQ_INFO, argument)
  const kind = KINDS[index]
  const count = irqCount(open, index)
  if (kind === undefined || (index === PCI_IRQ.ERR && count === 0))
    throw new VfioError('EINVAL', 'bad-index', `${open.device.id} has no interrupts ${index}`)
  const grows = index === PCI_IRQ.MSIX && profile.dynamicMsix
  IRQ_INFO.write(argument, { flags: grows ? kind.flags & ~IRQ_FLAGS.NORESIZE : kind.flags, count })
  return 0
}

function controlOf({ hardware }: OpenPciDevice, capability: number): number | undefined {
  const at = capabilityOffset(hardware, capability)
  return at === undefined ? undefined : hardware.readConfig(at + CONTROL, 2)
}
