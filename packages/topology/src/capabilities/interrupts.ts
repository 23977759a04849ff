/** Message signalled interrupts: MSI (standard 05) and MSI-X (standard 11). */
import { type CapabilityLayout, register } from '../capability-layout.ts'
import type { ConfigSpace } from '../config-space.ts'

const msiControl = register(2, 2)
const msixControl = register(2, 2)
const table = register(4, 4)
const pendingBits = register(8, 4)

const MSI_CONTROL = 2
const MSI_64_BIT = 0x80
const MSI_MASKING = 0x100

/** The message registers move with the width of the address. */
function msiMessage(config: ConfigSpace, offset: number): Readonly<Record<string, unknown>> {
  if (!config.has(offset + MSI_CONTROL, 2)) return {}
  const control = config.read16(offset + MSI_CONTROL)
  const wide = (control & MSI_64_BIT) !== 0
  const data = wide ? 12 : 8
  const read32 = (at: number): number | undefined =>
    config.has(offset + at, 4) ? config.read32(offset + at) : undefined
  const low = read32(4)
  const high = wide ? read32(8) : 0
  return {
    ...(low === undefined || high === undefined ? {} : { address: (BigInt(high) << 32n) | BigInt(low) }),
    ...(config.has(offset + data, 2) ? { data: config.read16(offset + data) } : {}),
    ...((control & MSI_MASKING) === 0 ? {} : { mask: read32(data + 4), pending: read32(data + 8) }),
  }
}

export const MSI: CapabilityLayout = {
  id: 0x05,
  extended: false,
  sizeBytes: 24,
  fields: [
    msiControl.flag('enabled', 0),
    msiControl.number('vectorsLog2', 1, 3),
    msiControl.number('vectorsEnabledLog2', 4, 3),
    msiControl.flag('address64', 7),
    msiControl.flag('perVectorMasking', 8),
  ],
  more: msiMessage,
}

export const MSI_X: CapabilityLayout = {
  id: 0x11,
  extended: false,
  sizeBytes: 12,
  fields: [
    msixControl.number('lastVector', 0, 11),
    msixControl.flag('masked', 14),
    msixControl.flag('enabled', 15),
    table.number('tableBar', 0, 3),
    table.number('tableOffset8', 3, 29),
    pendingBits.number('pendingBar', 0, 3),
    pendingBits.number('pendingOffset8', 3, 29),
  ],
}
