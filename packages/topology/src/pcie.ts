/** The PCI Express capability: which kind of port or endpoint a function is. */
import { CAPABILITY_ID, type Capability } from './capability.ts'
import type { ConfigSpace } from './config-space.ts'

export type PciePortType =
  | 'endpoint'
  | 'legacy-endpoint'
  | 'root-port'
  | 'upstream-port'
  | 'downstream-port'
  | 'pcie-to-pci-bridge'
  | 'pci-to-pcie-bridge'
  | 'rc-integrated-endpoint'
  | 'rc-event-collector'
  | 'reserved'

export interface PcieInfo {
  /** Where the capability is. */
  readonly offset: number
  /** Capability version, 1 or 2. */
  readonly version: number
  /** As Linux takes it: an impossible port type is corrected by what is above (pci.h, pcie_downstream_port). */
  readonly type: PciePortType
  /** As the register says. */
  readonly declaredType: PciePortType
  readonly slotImplemented: boolean
  /** Slot capability says hot-plug capable; false without a slot. */
  readonly hotplugCapable: boolean
  /** Device capability says that the function can do a function level reset. */
  readonly functionLevelReset: boolean
}

/** Indexed by bits 4-7 of the flags register. */
export const PCIE_PORT_TYPES: readonly PciePortType[] = [
  'endpoint',
  'legacy-endpoint',
  'reserved',
  'reserved',
  'root-port',
  'upstream-port',
  'downstream-port',
  'pcie-to-pci-bridge',
  'pci-to-pcie-bridge',
  'rc-integrated-endpoint',
  'rc-event-collector',
]

const FLAGS = 2
const DEVICE_CAPABILITIES = 4
const SLOT_CAPABILITIES = 0x14
const FLR = 1 << 28
const HOTPLUG_CAPABLE = 0x40

export function decodePcie(config: ConfigSpace, capabilities: readonly Capability[]): PcieInfo | undefined {
  const capability = capabilities.find((entry) => entry.id === CAPABILITY_ID.pciExpress && !entry.extended)
  if (capability === undefined || !config.has(capability.offset + FLAGS, 2)) return undefined
  const { offset } = capability
  const flags = config.read16(offset + FLAGS)
  const declaredType = PCIE_PORT_TYPES[(flags >>> 4) & 0xf] ?? 'reserved'
  const slotImplemented = (flags & 0x100) !== 0
  const bit = (register: number, mask: number): boolean =>
    config.has(offset + register, 4) && (config.read32(offset + register) & mask) !== 0
  return Object.freeze({
    offset,
    version: flags & 0xf,
    type: declaredType,
    declaredType,
    slotImplemented,
    hotplugCapable: slotImplemented && bit(SLOT_CAPABILITIES, HOTPLUG_CAPABLE),
    functionLevelReset: bit(DEVICE_CAPABILITIES, FLR),
  })
}

/** A port that leads away from the root complex: its secondary bus is a link (pcie_downstream_port). */
export function isDownstreamPort(type: PciePortType | undefined): boolean {
  return type === 'root-port' || type === 'downstream-port' || type === 'pci-to-pcie-bridge'
}
