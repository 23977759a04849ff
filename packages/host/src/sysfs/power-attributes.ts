/** Attributes about being on: enabled by somebody, and in which power state. */
import { VfioError } from '@vfiokit/vfio-core'
import type { SysfsAttribute } from './attribute.ts'

/** By name. */
export const POWER_ATTRIBUTES: Readonly<Record<string, SysfsAttribute>> = {
  enable: {
    read: ({ bus, identity }) => bus.enableCount(identity.bdf).toString(),
    write: ({ bus, identity }, value) => bus.enableBySysfs(identity.bdf, flag(value)),
  },
  power_state: {
    read: ({ bus, hardware }) => (bus.core.profile.sysfsPowerState ? hardware.powerState : undefined),
  },
  'power/runtime_status': {
    read: ({ bus, identity }) => (bus.isSuspended(identity.bdf) ? 'suspended' : 'active'),
  },
}

/** Kernel: `kstrtoul`, then any number but 0 is true. */
function flag(value: string): boolean {
  if (!/^\+?(?:0[xX][0-9a-fA-F]+|\d+)$/.test(value.trim()))
    throw new VfioError('EINVAL', 'unsupported', `"${value}" is no number`)
  return Number(value) !== 0
}
