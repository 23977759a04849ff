/** The cells of one function: what the protocols read and write, kept where the hardware and the driver have it. */
import { deviceCells } from '@vfiokit/locking'
import type { PciFunction } from '@vfiokit/topology'
import type { KernelProfile } from '@vfiokit/vfio-core'
import type { VfioPciDevice } from './vfio-pci-device.ts'

/** @param driver - Answers with the driver once there is one. */
export function functionCells(
  fn: PciFunction,
  profile: KernelProfile,
  driver: () => VfioPciDevice | undefined,
): ReturnType<typeof deviceCells> {
  return deviceCells(
    fn.bdf,
    { ignoresMemoryBit: fn.physfn !== undefined, ignoresPower: !profile.powerGatesMemory },
    {
      memoryEnabled: {
        read: () => driver()?.open?.memoryBit ?? true,
        write: (on) => {
          const open = driver()?.open
          if (open !== undefined) open.memoryBit = on
        },
      },
      lowPower: {
        read: () => driver()?.lowPower.backing.read() ?? false,
        write: (on) => driver()?.lowPower.backing.write(on),
      },
    },
  )
}
