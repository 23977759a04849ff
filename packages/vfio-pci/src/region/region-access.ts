/**
 * Reads and writes of a region of a plugin. No lock is taken, and the plugin is asked in one step.
 *
 * It is given bytes of its own, never the caller's: it may keep them, and what it refuses half-way is not seen.
 */
import { type Awaitable, type Operation, runLive } from '@vfiokit/locking'
import { copyFromUser, copyToUser, lengthOf, type Transfer } from '@vfiokit/vfio-core'
import type { DeviceRegion } from './device-region.ts'

/** @throws VfioError as {@link DeviceRegion.requireAccess} and {@link DeviceRegion.ask}; EFAULT of the buffer. */
export function* readRegion(region: DeviceRegion, transfer: Transfer, at: number): Operation<number> {
  region.requireAccess('read', at)
  const bytes = clipped(region, lengthOf(transfer.buffer), at)
  yield* region.read(at, bytes)
  yield* copyToUser(transfer.process, transfer.buffer, 0, bytes)
  return bytes.length
}

/** @throws VfioError as {@link readRegion} */
export function* writeRegion(region: DeviceRegion, transfer: Transfer, at: number): Operation<number> {
  region.requireAccess('write', at)
  const bytes = clipped(region, lengthOf(transfer.buffer), at)
  yield* copyFromUser(transfer.process, transfer.buffer, 0, bytes)
  yield* region.write(at, bytes)
  return bytes.length
}

/** As {@link readRegion}, at once and without a generator unless the plugin answers with one. */
export function readRegionNow(region: DeviceRegion, at: number, out: Uint8Array): Awaitable<number> {
  region.requireAccess('read', at)
  const bytes = clipped(region, out.length, at)
  const rest = region.ask('read', at, bytes)
  const ran = rest && runLive(rest)
  return ran instanceof Promise ? ran.then(() => moved(bytes, out)) : moved(bytes, out)
}

/** As {@link writeRegion}, in the same way. */
export function writeRegionNow(region: DeviceRegion, at: number, data: Uint8Array): Awaitable<number> {
  region.requireAccess('write', at)
  const bytes = clipped(region, data.length, at)
  const { length } = bytes
  bytes.set(length === data.length ? data : data.subarray(0, length))
  const rest = region.ask('write', at, bytes)
  const ran = rest && runLive(rest)
  return ran instanceof Promise ? ran.then(() => length) : length
}

/** A plugin sees only ranges that lie inside its region. */
function clipped(region: DeviceRegion, lengthBytes: number, at: number): Uint8Array {
  return new Uint8Array(Math.min(lengthBytes, region.sizeBytes - at))
}

function moved(bytes: Uint8Array, out: Uint8Array): number {
  out.set(bytes)
  return bytes.length
}
