/**
 * Capability chains behind info structs, and the argsz game that goes with them.
 *
 * Each capability is a header {id, version, next} and its bytes. If the caller's buffer is too short
 * for all of them none is copied, `argsz` says what is needed, and the call still succeeds. Kernel:
 * `vfio_info_cap_add`, `vfio_info_cap_shift`.
 */
import { CAP_HEADER } from './structs.ts'

/** One capability of an info struct. */
export interface InfoCapability {
  readonly id: number
  readonly version: number
  /** What follows the header. */
  readonly body: Uint8Array
}

/** 6.12 and newer pad each capability so that the next begins on such a boundary; older ones do not. */
const CAPABILITY_ALIGN_BYTES = 8

/**
 * How many bytes a chain takes behind its struct.
 *
 * @param alignBytes - Where each capability may begin.
 */
export function chainBytes(
  capabilities: readonly InfoCapability[],
  alignBytes: number = CAPABILITY_ALIGN_BYTES,
): number {
  return capabilities.reduce(
    (sum, { body }) => sum + padded(CAP_HEADER.sizeBytes + body.length, alignBytes),
    0,
  )
}

/**
 * Writes a chain behind a struct of `structBytes`.
 *
 * @returns where it begins, for `cap_offset`: 0 when there is no capability.
 * @throws RangeError when the chain does not fit: whoever answers an ioctl compares argsz first.
 */
export function writeChain(
  bytes: Uint8Array,
  structBytes: number,
  capabilities: readonly InfoCapability[],
  alignBytes: number = CAPABILITY_ALIGN_BYTES,
): number {
  if (structBytes + chainBytes(capabilities, alignBytes) > bytes.length)
    throw new RangeError(`${capabilities.length} capabilities do not fit into ${bytes.length} bytes`)
  let at = structBytes
  capabilities.forEach(({ id, version, body }, index) => {
    const next =
      index + 1 < capabilities.length ? at + padded(CAP_HEADER.sizeBytes + body.length, alignBytes) : 0
    CAP_HEADER.write(bytes, { id, version, next }, at)
    bytes.set(body, at + CAP_HEADER.sizeBytes)
    const end = at + padded(CAP_HEADER.sizeBytes + body.length, alignBytes)
    bytes.fill(0, at + CAP_HEADER.sizeBytes + body.length, end)
    at = end
  })
  return capabilities.length === 0 ? 0 : structBytes
}

/**
 * Reads a chain that begins at `capOffset`. Stops at the end of the bytes or when `next` does not lead
 * further on, so a damaged chain ends instead of looping.
 *
 * @returns bodies up to the next capability, padding included: a chain does not say how long they are.
 */
export function readChain(bytes: Uint8Array, capOffset: number): InfoCapability[] {
  const capabilities: InfoCapability[] = []
  let at = capOffset
  while (at >= CAP_HEADER.sizeBytes && at + CAP_HEADER.sizeBytes <= bytes.length) {
    const { id, version, next } = CAP_HEADER.decode(bytes, at)
    const end = next > at ? next : bytes.length
    capabilities.push({ id, version, body: bytes.slice(at + CAP_HEADER.sizeBytes, end) })
    if (next <= at) break
    at = next
  }
  return capabilities
}

function padded(sizeBytes: number, alignBytes: number): number {
  return Math.ceil(sizeBytes / alignBytes) * alignBytes
}
