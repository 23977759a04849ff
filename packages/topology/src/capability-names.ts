/** Names of capabilities by id, standard and extended; the words of the PCI specifications in kebab-case. */

export const STANDARD_CAPABILITY_NAMES: Readonly<Record<number, string>> = {
  1: 'power-management',
  2: 'agp',
  3: 'vital-product-data',
  4: 'slot-identification',
  5: 'msi',
  6: 'compact-pci-hot-swap',
  7: 'pci-x',
  8: 'hypertransport',
  9: 'vendor-specific',
  10: 'debug-port',
  11: 'compact-pci-resource-control',
  12: 'standard-hot-plug',
  13: 'subsystem-ids',
  14: 'agp-8x',
  15: 'secure-device',
  16: 'pci-express',
  17: 'msi-x',
  18: 'sata',
  19: 'advanced-features',
  20: 'enhanced-allocation',
  21: 'flattening-portal-bridge',
}

export const EXTENDED_CAPABILITY_NAMES: Readonly<Record<number, string>> = {
  0: 'null',
  1: 'advanced-error-reporting',
  2: 'virtual-channel',
  3: 'device-serial-number',
  4: 'power-budgeting',
  5: 'root-complex-link-declaration',
  6: 'root-complex-internal-link-control',
  7: 'root-complex-event-collector',
  8: 'multi-function-virtual-channel',
  9: 'virtual-channel-mfvc',
  10: 'root-complex-register-block',
  11: 'vendor-specific-extended',
  12: 'configuration-access-correlation',
  13: 'access-control-services',
  14: 'alternative-routing-id',
  15: 'address-translation-services',
  16: 'single-root-io-virtualization',
  17: 'multi-root-io-virtualization',
  18: 'multicast',
  19: 'page-request-interface',
  20: 'amd-reserved',
  21: 'resizable-bar',
  22: 'dynamic-power-allocation',
  23: 'tph-requester',
  24: 'latency-tolerance-reporting',
  25: 'secondary-pci-express',
  26: 'protocol-multiplexing',
  27: 'process-address-space-id',
  28: 'lightweight-notification',
  29: 'downstream-port-containment',
  30: 'l1-pm-substates',
  31: 'precision-time-measurement',
  32: 'm-pcie',
  33: 'frs-queueing',
  34: 'readiness-time-reporting',
  35: 'designated-vendor-specific',
  36: 'vf-resizable-bar',
  37: 'data-link-feature',
  38: 'physical-layer-16-gt',
  39: 'lane-margining',
  40: 'hierarchy-id',
  41: 'native-enclosure-management',
  42: 'physical-layer-32-gt',
  43: 'alternate-protocol',
  44: 'system-firmware-intermediary',
  45: 'shadow-functions',
  46: 'data-object-exchange',
  47: 'device-3',
  48: 'integrity-and-data-encryption',
  49: 'physical-layer-64-gt',
  50: 'flit-logging',
  51: 'flit-performance-measurement',
  52: 'flit-error-injection',
  53: 'streamlined-virtual-channel',
  54: 'mmio-register-block-locator',
}

/** `unknown-1f` style for an id without a name. */
export function capabilityName(id: number, extended: boolean): string {
  const names = extended ? EXTENDED_CAPABILITY_NAMES : STANDARD_CAPABILITY_NAMES
  return names[id] ?? `unknown-${id.toString(16).padStart(2, '0')}`
}

/** Both lists by name; `unknown-NN` is not a name. */
const BY_NAME: ReadonlyMap<string, { readonly id: number; readonly extended: boolean }> = new Map(
  [STANDARD_CAPABILITY_NAMES, EXTENDED_CAPABILITY_NAMES].flatMap((names, space) =>
    Object.entries(names).map(([id, name]) => [name, { id: Number(id), extended: space === 1 }] as const),
  ),
)

/** undefined when no capability has that name. */
export function capabilityByName(
  name: string,
): { readonly id: number; readonly extended: boolean } | undefined {
  return BY_NAME.get(name)
}
