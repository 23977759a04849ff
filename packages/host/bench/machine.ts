/** Machines for measuring: one slot with as many functions as wanted, each with one large BAR. */
import type { Firmware } from '@vfiokit/hardware'
import { createHost, type Host } from '@vfiokit/host'
import { runLive } from '@vfiokit/locking'
import type { Plugin } from '@vfiokit/plugin'
import { Bdf, type Topology, TopologyBuilder } from '@vfiokit/topology'
import {
  type DeviceCalls,
  type LiveProcess,
  openDeviceIn,
  openGroup,
  PAGE_SIZE_BYTES,
} from '@vfiokit/vfio-core'

/** 4 GiB: a million pages. */
const BAR_BYTES: number = 2 ** 32

/** A root port with `count` functions below it, all in one group. */
function slotOf(count: number): Topology {
  const builder = new TopologyBuilder().addFunction({
    bdf: Bdf.parse('0000:00:01.0'),
    vendorId: 0x1b36,
    deviceId: 0x000c,
    classCode: 0x060400,
    busNumbers: { primary: 0, secondary: 1, subordinate: 1 },
    iommuGroup: 0,
  })
  for (const bdf of functionsOf(count))
    builder.addFunction({
      bdf,
      vendorId: 0x1234,
      deviceId: 0x0001,
      classCode: 0x020000,
      iommuGroup: 1,
      bars: [
        {
          index: 0,
          kind: 'memory',
          width: 64,
          prefetchable: true,
          address:
            0x40_0000_0000n + BigInt(BAR_BYTES) * BigInt(Bdf.parts(bdf).device * 8 + Bdf.parts(bdf).function),
          sizeBytes: BAR_BYTES,
        },
      ],
    })
  return builder.finish()
}

/** Addresses of the functions of the slot. */
export function functionsOf(count: number): Bdf[] {
  return Array.from({ length: count }, (_, at) =>
    Bdf.of({ domain: 0, bus: 1, device: at >> 3, function: at & 7 }),
  )
}

/** A host with the functions bound, and a process that has the group open. */
export interface Bench {
  readonly host: Host
  readonly process: LiveProcess
  readonly groupFd: number
  open(bdf: Bdf): DeviceCalls
}

/** What a machine has beside its functions. */
interface BenchOptions {
  readonly plugins?: readonly Plugin[]
  readonly firmware?: Firmware
}

/** Brings it up. */
export async function bench(count: number, options: BenchOptions = {}): Promise<Bench> {
  const host = await createHost({ topology: slotOf(count), bind: functionsOf(count), ...options })
  const process = host.vfio.process('bench')
  const groupFd = now(runLive(openGroup(process.calls, 1)))
  return { host, process, groupFd, open: (bdf) => now(runLive(openDeviceIn(process.calls, groupFd, bdf))) }
}

/** Maps pages of the device, for reading and writing. @returns the address. */
export function map(process: LiveProcess, fd: number, offset: number, pages: number): number {
  const protection = { read: true, write: true, execute: false }
  const lengthBytes = pages * PAGE_SIZE_BYTES
  return now(process.mmap({ fd, offset, lengthBytes, protection, shared: true }))
}

/** A value that must not be a promise: nothing is contended here. */
export function now<T>(value: T | Promise<T>): T {
  if (value instanceof Promise) throw new TypeError('contended')
  return value
}
