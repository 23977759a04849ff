/** Single-root I/O virtualization (extended 10). The six BARs of the virtual functions follow at 0x24. */
import { type CapabilityLayout, register } from '../capability-layout.ts'

const capabilities = register(0x04, 4)
const control = register(0x08, 2)

export const SR_IOV: CapabilityLayout = {
  id: 0x10,
  extended: true,
  sizeBytes: 0x40,
  fields: [
    capabilities.flag('migrationCapable', 0),
    capabilities.flag('ariHierarchyPreserved', 1),
    control.flag('vfEnable', 0),
    control.flag('migrationEnable', 1),
    control.flag('vfMemoryEnable', 3),
    control.flag('ariCapableHierarchy', 4),
    register(0x0c, 2).number('initialVfs'),
    register(0x0e, 2).number('totalVfs'),
    register(0x10, 2).number('numVfs'),
    register(0x12, 1).number('dependencyLink'),
    register(0x14, 2).number('firstVfOffset'),
    register(0x16, 2).number('vfStride'),
    register(0x1a, 2).number('vfDeviceId'),
    register(0x1c, 4).number('supportedPageSizes'),
    register(0x20, 4).number('systemPageSize'),
  ],
}
