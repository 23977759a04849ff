/** Attributes about resets. A reset that the administrator asks for knows nothing of vfio: no page is zapped. */
import { runLive } from '@vfiokit/locking'
import { VfioError } from '@vfiokit/vfio-core'
import type { SysfsAttribute } from './attribute.ts'

/** By name. */
export const RESET_ATTRIBUTES: Readonly<Record<string, SysfsAttribute>> = {
  reset_method: {
    read: ({ bus, hardware }) =>
      bus.core.profile.sysfsResetMethod && bus.hasFunctionReset(hardware.bdf)
        ? hardware.resetMethods.join(' ')
        : undefined,
    write: ({ hardware }, value) => hardware.setResetMethods(value),
  },
  reset: {
    write({ bus, hardware }, value) {
      if (!/^\s*\+?(?:1|0[xX]0*1)\s*$/.test(value))
        throw new VfioError('EINVAL', 'unsupported', `"${value}" written to reset is not 1`)
      return runLive(bus.resetBySysfs(hardware.bdf))
    },
  },
}
