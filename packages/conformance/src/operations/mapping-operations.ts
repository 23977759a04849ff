/** mmap and what is done through a mapping. */
import type { Protection } from '@vfiokit/vfio-core'
import { NOTHING, type OperationCall, type OperationHandler } from '../script/handler.ts'
import type { Answer } from '../script/outcome.ts'
import { placeInRegion, REGION_STRIDE, recordedOffset } from '../script/places.ts'
import { numberOf } from '../script/session.ts'

/** Operations by name. */
export const MAPPING_OPERATIONS: Readonly<Record<string, OperationHandler>> = {
  mmap,
  munmap: async ({ session, positional: [id] }) => {
    const { address, lengthBytes } = session.map(id!)
    session.maps.delete(id!)
    await session.process.munmap(address, lengthBytes)
    return NOTHING
  },
  mprotect: async ({ session, positional: [id, protection] }) => {
    const { address, lengthBytes } = session.map(id!)
    await session.process.mprotect(address, lengthBytes, protectionOf(protection!))
    return NOTHING
  },
  load,
  store,
}

async function mmap({ session, draft, positional }: OperationCall): Promise<Answer> {
  const [name, index, offset, length, protection, sharing, id] = positional
  const handle = session.handle(name!)
  const region = numberOf(index!)
  const off = await placeInRegion(session, handle, region, offset!)
  const len = await placeInRegion(session, handle, region, length!)
  draft.off = recordedOffset(off)
  draft.len = len
  const address = await session.process.mmap({
    fd: handle.fd,
    offset: region * REGION_STRIDE + off,
    lengthBytes: len,
    protection: protectionOf(protection!),
    shared: sharing === 'shared',
  })
  // The offset in the file decides what is mapped: it may lie in a later region than the one named.
  session.maps.set(id!, {
    address,
    lengthBytes: len,
    device: handle.device,
    region: region + Math.floor(off / REGION_STRIDE),
    offset: off % REGION_STRIDE,
  })
  return { result: { map: id } }
}

async function load({ session, draft, positional: [id, offset, width] }: OperationCall): Promise<Answer> {
  const map = session.map(id!)
  const at = numberOf(offset!)
  const { device, region } = map
  draft.origin = {
    device,
    space: 'mapping',
    region,
    offset: map.offset + at,
    isOpen: session.isOpen(device),
    hasMessages: session.withMessages.has(device),
  }
  const bytes = new Uint8Array(numberOf(width!))
  await session.process.load(map.address + at, bytes)
  return { result: { value: `0x${littleEndian(bytes).toString(16)}` } }
}

async function store({ session, positional: [id, offset, width, value] }: OperationCall): Promise<Answer> {
  const { address } = session.map(id!)
  const bytes = new Uint8Array(numberOf(width!))
  let rest = BigInt(value!)
  for (const at of bytes.keys()) {
    bytes[at] = Number(rest & 0xffn)
    rest >>= 8n
  }
  await session.process.store(address + numberOf(offset!), bytes)
  return NOTHING
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n)
}

/** Letters of rwx, or `none`. */
function protectionOf(word: string): Protection {
  if (word === 'none') return { read: false, write: false, execute: false }
  return { read: word.includes('r'), write: word.includes('w'), execute: word.includes('x') }
}
