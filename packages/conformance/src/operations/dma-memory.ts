/** The memory that a script maps for DMA: anonymous memory of its process. */
import type { ScriptSession } from '../script/session.ts'

/** As large as the recorder's. */
const DMA_BUFFER_BYTES: number = 16 * 2 ** 20

/** Where the buffer lies; the first use makes it. */
export async function memoryAddress(session: ScriptSession): Promise<number> {
  session.memory ??= await session.process.mmap({
    anonymous: true,
    lengthBytes: DMA_BUFFER_BYTES,
    protection: { read: true, write: true, execute: false },
    shared: false,
  })
  return session.memory
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
