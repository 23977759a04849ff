/** Eventfds of a process, where its host has them. */
import type { VfioProcess } from '@vfiokit/vfio-core'
import type { Awaitable } from '../awaitable.ts'
import { NotCarried } from '../script/outcome.ts'
import type { ScriptSession } from '../script/session.ts'

/** What a process with eventfds offers. */
interface EventProcess {
  eventfd(): Awaitable<number>
  /** Undefined: nothing to read (EAGAIN). */
  readEvent(fd: number): Awaitable<number | bigint | undefined>
  writeEvent(fd: number, count: bigint): Awaitable<void>
}

/** @throws NotCarried when the host has none. */
export async function makeEventfd(session: ScriptSession): Promise<number> {
  return portOf(session).eventfd()
}

/** How often it was signalled since the last read; undefined: not at all. */
export async function readEventfd(session: ScriptSession, fd: number): Promise<number | undefined> {
  const count = await portOf(session).readEvent(fd)
  return count === undefined ? undefined : Number(count)
}

/** Signals it once. */
export async function writeEventfd(session: ScriptSession, fd: number): Promise<void> {
  await portOf(session).writeEvent(fd, 1n)
}

/** Closes it. */
export async function closeEventfd(session: ScriptSession, fd: number): Promise<void> {
  await session.process.close(fd)
}

function portOf({ process }: ScriptSession): EventProcess {
  const port = process as VfioProcess & Partial<EventProcess>
  if (port.eventfd === undefined) throw new NotCarried('no eventfds')
  return port as EventProcess
}
