/**
 * What is saved before a reset and written back after it: a table of registers, in the order in which
 * they are written back.
 *
 * Registers of the device's own are lost. Kernel: `pci_save_state`, `pci_restore_state`.
 */
import type { PciHardware } from '@vfiokit/hardware'
import { CAPABILITY_ID, EXTENDED_CAPABILITY_ID } from '@vfiokit/topology'
import { COMMAND, HEADER } from '../config/register-permissions.ts'
import { ownsMessages, restoreMessages } from '../irq/message-vectors.ts'

const HEADER_DWORDS = 16
const AER = 0x01
const PRECISION_TIME = 0x1f
const TPH_REQUESTER = 0x17
const LATENCY_TOLERANCE = 0x18

const MSI_ENABLE = 0x0001
const MSI_WIDE = 0x0080
const MSIX_ENABLE = 0x8000
const VF_ENABLE = 0x0001

/** Registers of one capability. */
interface SavedCapability {
  readonly id: number
  readonly extended?: true
  /** [offset in the capability, width in bytes], in the order of writing back. */
  readonly registers: readonly (readonly [number, 2 | 4])[]
  /** Whether it is saved at all, by the function and the capability's offset. */
  readonly when?: (hardware: PciHardware, at: number) => boolean
}

const WITHOUT_LINK: ReadonlySet<string | undefined> = new Set([
  'rc-integrated-endpoint',
  'rc-event-collector',
])
const hasLink = ({ identity }: PciHardware): boolean => !WITHOUT_LINK.has(identity.pcie?.type)
const isVersion2 = ({ identity }: PciHardware): boolean => (identity.pcie?.version ?? 0) > 1

/** Before the header. */
const BEFORE_HEADER: readonly SavedCapability[] = [
  {
    id: LATENCY_TOLERANCE,
    extended: true,
    registers: [
      [4, 2],
      [6, 2],
    ],
  },
  { id: CAPABILITY_ID.pciExpress, registers: [[0x08, 2]] },
  { id: CAPABILITY_ID.pciExpress, registers: [[0x10, 2]], when: hasLink },
  { id: CAPABILITY_ID.pciExpress, registers: [[0x28, 2]], when: isVersion2 },
  {
    id: CAPABILITY_ID.pciExpress,
    registers: [[0x30, 2]],
    when: (hardware) => isVersion2(hardware) && hasLink(hardware),
  },
  { id: PRECISION_TIME, extended: true, registers: [[8, 4]] },
  { id: TPH_REQUESTER, extended: true, registers: [[8, 4]] },
  {
    id: AER,
    extended: true,
    registers: [
      [0x08, 4],
      [0x0c, 4],
      [0x14, 4],
      [0x18, 4],
    ],
  },
]

/** Behind it. Messages and virtual functions come back only if they were on; vfio-pci's own by its tables. */
const BEHIND_HEADER: readonly SavedCapability[] = [
  { id: CAPABILITY_ID.pciX, registers: [[2, 2]] },
  {
    id: CAPABILITY_ID.msi,
    registers: [
      [4, 4],
      [8, 2],
      [2, 2],
    ],
    when: (hardware, at) =>
      !ownsMessages(hardware) && (hardware.readConfig(at + 2, 2) & (MSI_ENABLE | MSI_WIDE)) === MSI_ENABLE,
  },
  {
    id: CAPABILITY_ID.msi,
    registers: [
      [4, 4],
      [8, 4],
      [12, 2],
      [2, 2],
    ],
    when: (hardware, at) =>
      !ownsMessages(hardware) &&
      (hardware.readConfig(at + 2, 2) & (MSI_ENABLE | MSI_WIDE)) === (MSI_ENABLE | MSI_WIDE),
  },
  {
    id: CAPABILITY_ID.msiX,
    registers: [[2, 2]],
    when: (hardware, at) => !ownsMessages(hardware) && (hardware.readConfig(at + 2, 2) & MSIX_ENABLE) !== 0,
  },
  { id: EXTENDED_CAPABILITY_ID.accessControlServices, extended: true, registers: [[6, 2]] },
  {
    id: EXTENDED_CAPABILITY_ID.singleRootIoVirtualization,
    extended: true,
    registers: [
      [0x24, 4],
      [0x28, 4],
      [0x2c, 4],
      [0x30, 4],
      [0x34, 4],
      [0x38, 4],
      [0x20, 4],
      [0x10, 2],
      [0x08, 2],
    ],
    when: (hardware, at) => (hardware.readConfig(at + 8, 2) & VF_ENABLE) !== 0,
  },
]

interface SavedRegister {
  readonly offset: number
  readonly widthBytes: 2 | 4
  readonly value: number
}

/** The saved registers of one function. */
export class SavedState {
  readonly #registers: readonly SavedRegister[]

  constructor(readonly hardware: PciHardware) {
    // From the end of the header to its beginning: BARs are in place before COMMAND turns decoding on.
    const header = Array.from(
      { length: HEADER_DWORDS },
      (_, at): SavedRegister => saved(hardware, 4 * (HEADER_DWORDS - 1 - at), 4),
    )
    const capabilities = (table: readonly SavedCapability[]): SavedRegister[] =>
      table.flatMap((entry) => capability(hardware, entry))
    this.#registers = [...capabilities(BEFORE_HEADER), ...header, ...capabilities(BEHIND_HEADER)]
  }

  /** Registers that still hold what was saved are not written. Kernel: `pci_restore_config_dword`. */
  restore(): void {
    const { hardware } = this
    for (const { offset, widthBytes, value } of this.#registers)
      if (hardware.readConfig(offset, widthBytes) !== value) hardware.writeConfig(offset, widthBytes, value)
    restoreMessages(hardware)
  }
}

function capability(hardware: PciHardware, entry: SavedCapability): SavedRegister[] {
  const { capabilities } = hardware.identity
  const found = capabilities.find(
    ({ id, extended }) => id === entry.id && extended === (entry.extended ?? false),
  )
  if (found === undefined || entry.when?.(hardware, found.offset) === false) return []
  return entry.registers
    .filter(([offset, widthBytes]) => found.offset + offset + widthBytes <= hardware.configSizeBytes)
    .map(([offset, widthBytes]) => saved(hardware, found.offset + offset, widthBytes))
}

function saved(hardware: PciHardware, offset: number, widthBytes: 2 | 4): SavedRegister {
  return { offset, widthBytes, value: hardware.readConfig(offset, widthBytes) }
}

/** Turns decoding and DMA off around a reset. Kernel: `pci_dev_save_and_disable`. */
export function disableDecoding(hardware: PciHardware): void {
  hardware.writeConfig(HEADER.COMMAND, 2, COMMAND.INTX_DISABLE)
}
