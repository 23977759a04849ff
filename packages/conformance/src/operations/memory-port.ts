/** Anonymous memory of a process, where its host has it: the buffer that a script maps for DMA. */
import type { VfioProcess } from '@vfiokit/vfio-core'
import type { Awaitable } from '../awaitable.ts'
import { NotCarried } from '../script/outcome.ts'
import type { ScriptSession } from '../script/session.ts'

/** As large as the recorder's. */
export const DMA_BUFFER_BYTES: number = 16 * 2 ** 20

/** What a process with memory of its own offers. */
interface MemoryProcess {
  mmapAnonymous(lengthBytes: number): Awaitable<number>
}

const addresses = new WeakMap<ScriptSession, number>()

/** Where the buffer lies; the first use makes it. @throws NotCarried when the host has no such memory. */
export async function memoryAddress(session: ScriptSession): Promise<number> {
  const known = addresses.get(session)
  if (known !== undefined) return known
  const port = session.process as VfioProcess & Partial<MemoryProcess>
  if (port.mmapAnonymous === undefined) throw new NotCarried('no anonymous memory')
  const address = await port.mmapAnonymous(DMA_BUFFER_BYTES)
  addresses.set(session, address)
  return address
}

/** Reads the buffer as the process does. */
export async function readMemory(
  session: ScriptSession,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const address = await memoryAddress(session)
  const bytes = new Uint8Array(length)
  for (const at of bytes.keys()) await session.process.load(address + offset + at, bytes.subarray(at, at + 1))
  return bytes
}

/** Writes the buffer. */
export async function writeMemory(session: ScriptSession, offset: number, data: Uint8Array): Promise<void> {
  const address = await memoryAddress(session)
  for (const at of data.keys()) await session.process.store(address + offset + at, data.subarray(at, at + 1))
}
