/** Power management (standard 01): power states, and whether leaving D3hot resets the function. */
import { type CapabilityLayout, register } from '../capability-layout.ts'

const capabilities = register(2, 2)
const control = register(4, 2)

export const POWER_MANAGEMENT: CapabilityLayout = {
  id: 0x01,
  extended: false,
  sizeBytes: 8,
  fields: [
    capabilities.number('version', 0, 3),
    capabilities.flag('pmeClock', 3),
    capabilities.flag('immediateReadiness', 4),
    capabilities.flag('deviceSpecificInitialization', 5),
    capabilities.number('auxCurrent', 6, 3),
    capabilities.flag('d1', 9),
    capabilities.flag('d2', 10),
    capabilities.flag('pmeFromD0', 11),
    capabilities.flag('pmeFromD1', 12),
    capabilities.flag('pmeFromD2', 13),
    capabilities.flag('pmeFromD3hot', 14),
    capabilities.flag('pmeFromD3cold', 15),
    control.words('state', 0, 2, ['D0', 'D1', 'D2', 'D3hot']),
    control.flag('noSoftReset', 3),
    control.flag('pmeEnable', 8),
    control.number('dataSelect', 9, 4),
    control.number('dataScale', 13, 2),
    control.flag('pmeStatus', 15),
  ],
}
