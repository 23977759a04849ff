/**
 * The configuration bytes a function starts with.
 *
 * Bytes that the source knows are taken as found. Of the rest, the header is rebuilt from what is known otherwise
 * (ids, class, BARs, bus numbers), as firmware would leave it: decoding on for the BARs there are. All other
 * unknown bytes read 0 and are read-only, so a function known by 64 bytes, or by its address and ids alone, works,
 * without capabilities that nobody has seen.
 */
import type { Bridge, PciFunction } from '@vfiokit/topology'
import { registerBits, registerOffset } from './bar-resource.ts'
import type { BarResource } from './pci-hardware.ts'
import { COMMAND, COMMAND_IO, COMMAND_MASTER, COMMAND_MEMORY } from './register-layout.ts'

export interface ConfigImage {
  readonly bytes: Uint8Array
  /** 1 where the source knew the byte, else 0. */
  readonly known: Uint8Array
}

interface Origin {
  readonly fn: PciFunction
  readonly resources: readonly BarResource[]
  readonly bridge: Bridge | undefined
}

type HeaderField = readonly [offset: number, widthBytes: 1 | 2 | 4, value: (origin: Origin) => number]

/** Virtual functions answer ffff to a question for their ids. */
const ID_OF_VIRTUAL_FUNCTION = 0xffff

const HEADER_FIELDS: readonly HeaderField[] = [
  [0x00, 2, ({ fn }) => (fn.physfn === undefined ? fn.vendorId : ID_OF_VIRTUAL_FUNCTION)],
  [0x02, 2, ({ fn }) => (fn.physfn === undefined ? fn.deviceId : ID_OF_VIRTUAL_FUNCTION)],
  [COMMAND, 2, decodeBits],
  [0x08, 4, ({ fn }) => fn.classCode * 256 + fn.revision],
  [0x0e, 1, ({ fn }) => fn.headerType | (fn.multifunction ? 0x80 : 0)],
  [0x18, 1, ({ bridge }) => bridge?.primary ?? 0],
  [0x19, 1, ({ bridge }) => bridge?.secondary ?? 0],
  [0x1a, 1, ({ bridge }) => bridge?.subordinate ?? 0],
  [0x2c, 2, ({ fn }) => (fn.headerType === 0 ? (fn.subsystem?.vendorId ?? 0) : 0)],
  [0x2e, 2, ({ fn }) => (fn.headerType === 0 ? (fn.subsystem?.deviceId ?? 0) : 0)],
]

function decodeBits({ fn, resources, bridge }: Origin): number {
  const has = (kind: 'io' | 'memory'): boolean =>
    bridge !== undefined || resources.some((bar) => bar.kind === kind && bar.bar !== 'rom')
  const decode = (has('io') ? COMMAND_IO : 0) | (has('memory') ? COMMAND_MEMORY : 0)
  return decode | (fn.headerType === 0 ? 0 : COMMAND_MASTER)
}

/** Real size of the space; a PCI Express function has 4096 bytes even where a dump ended earlier. */
function configSizeBytes(fn: PciFunction): 256 | 4096 {
  if (fn.configSizeBytes !== undefined) return fn.configSizeBytes
  return fn.pcie !== undefined || fn.config.sizeBytes > 256 ? 4096 : 256
}

export function configImage(
  fn: PciFunction,
  resources: readonly BarResource[],
  bridge: Bridge | undefined,
): ConfigImage {
  const sizeBytes = configSizeBytes(fn)
  const bytes = new Uint8Array(sizeBytes)
  const known = new Uint8Array(sizeBytes)
  bytes.set(fn.config.bytes.subarray(0, sizeBytes))
  known.fill(1, 0, Math.min(fn.config.sizeBytes, sizeBytes))
  for (const { start, end } of fn.config.holes) {
    bytes.fill(0, start, end)
    known.fill(0, start, end)
  }
  const origin = { fn, resources, bridge }
  for (const [offset, widthBytes, value] of HEADER_FIELDS) {
    // Bus numbers and BARs 2 to 4 share their place; the header type decides.
    if (offset >= 0x18 && offset <= 0x1a && bridge === undefined) continue
    rebuild(bytes, known, offset, widthBytes, value(origin))
  }
  for (const resource of fn.physfn === undefined ? resources : []) {
    const offset = registerOffset(resource.bar, fn.headerType)
    if (offset === undefined) continue
    const { type } = registerBits(resource)
    rebuild(bytes, known, offset, 4, Number(BigInt.asUintN(32, resource.start)) + type)
    if (resource.width === 64)
      rebuild(bytes, known, offset + 4, 4, Number(BigInt.asUintN(32, resource.start >> 32n)))
  }
  return { bytes, known }
}

function rebuild(
  bytes: Uint8Array,
  known: Uint8Array,
  offset: number,
  widthBytes: number,
  value: number,
): void {
  for (let byte = 0; byte < widthBytes; byte += 1) {
    if (known[offset + byte] === 0) bytes[offset + byte] = Math.floor(value / 256 ** byte) & 0xff
  }
}
