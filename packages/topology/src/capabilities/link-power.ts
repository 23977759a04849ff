/** Deep link power states: L1 PM substates (extended 1e). */
import { type CapabilityLayout, register } from '../capability-layout.ts'

const supported = register(0x04, 4)
const control1 = register(0x08, 4)
const control2 = register(0x0c, 4)
const SCALES = ['2 us', '10 us', '100 us']

export const L1_PM_SUBSTATES: CapabilityLayout = {
  id: 0x1e,
  extended: true,
  sizeBytes: 16,
  fields: [
    supported.flag('pciPmL12', 0),
    supported.flag('pciPmL11', 1),
    supported.flag('aspmL12', 2),
    supported.flag('aspmL11', 3),
    supported.flag('l1Substates', 4),
    supported.number('commonModeRestoreUs', 8, 8),
    supported.words('powerOnScale', 16, 2, SCALES),
    supported.number('powerOnValue', 19, 5),
    control1.flag('pciPmL12Enabled', 0),
    control1.flag('pciPmL11Enabled', 1),
    control1.flag('aspmL12Enabled', 2),
    control1.flag('aspmL11Enabled', 3),
    control1.number('commonModeRestoreSetUs', 8, 8),
    control1.number('ltrThresholdValue', 16, 10),
    control1.number('ltrThresholdScale', 29, 3),
    control2.words('powerOnScaleSet', 0, 2, SCALES),
    control2.number('powerOnValueSet', 3, 5),
  ],
}
