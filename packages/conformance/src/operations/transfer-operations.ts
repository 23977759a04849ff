/** read and write of regions. */
import { hexOf, type OperationCall, type OperationHandler } from '../script/handler.ts'
import type { Answer } from '../script/outcome.ts'
import { placeInRegion, REGION_STRIDE, recordedOffset } from '../script/places.ts'
import { numberOf } from '../script/session.ts'

/** Operations by name. */
export const TRANSFER_OPERATIONS: Readonly<Record<string, OperationHandler>> = {
  read,
  'pread-raw': preadRaw,
  write,
}

async function read({ session, draft, positional }: OperationCall): Promise<Answer> {
  const [name, index, offset, length] = positional
  const handle = session.handle(name!)
  const region = numberOf(index!)
  const off = await placeInRegion(session, handle, region, offset!)
  const len = await placeInRegion(session, handle, region, length!)
  const { device } = handle
  draft.off = recordedOffset(off)
  draft.len = len
  draft.origin = { device, space: 'region', region, offset: off, isOpen: true }
  const bytes = new Uint8Array(len)
  const ret = await session.process.pread(handle.fd, bytes, region * REGION_STRIDE + off)
  return { result: { ret, data: hexOf(bytes.subarray(0, ret)) } }
}

async function preadRaw({ session, draft, positional: [name, at, length] }: OperationCall): Promise<Answer> {
  const { fd, device } = session.handle(name!)
  const bytes = new Uint8Array(numberOf(length!))
  const place = numberOf(at!)
  const region = Math.floor(place / REGION_STRIDE)
  draft.origin = { device, space: 'region', region, offset: place % REGION_STRIDE, isOpen: true }
  const ret = await session.process.pread(fd, bytes, place)
  return { result: { ret, data: hexOf(bytes.subarray(0, ret)) } }
}

async function write({ session, draft, positional }: OperationCall): Promise<Answer> {
  const [name, index, offset, hex] = positional
  const handle = session.handle(name!)
  const region = numberOf(index!)
  const off = await placeInRegion(session, handle, region, offset!)
  const data = Uint8Array.from(Buffer.from(hex!, 'hex'))
  draft.off = recordedOffset(off)
  draft.len = data.length
  return { result: { ret: await session.process.pwrite(handle.fd, data, region * REGION_STRIDE + off) } }
}
