/** Eventfds of the process that runs a script. */
import { VfioError } from '@vfiokit/vfio-core'
import type { ScriptSession } from '../script/session.ts'

/** A new one. */
export async function makeEventfd({ process }: ScriptSession): Promise<number> {
  return await process.eventfd()
}

/** How often it was signalled since the last read; undefined: not at all. */
export async function readEventfd({ process }: ScriptSession, fd: number): Promise<number | undefined> {
  try {
    return Number(await process.readEvent(fd))
  } catch (error) {
    if (VfioError.is(error, 'EAGAIN')) return undefined
    throw error
  }
}

/** Signals it once. */
export async function writeEventfd({ process }: ScriptSession, fd: number): Promise<void> {
  await process.writeEvent(fd)
}

/** Closes it. */
export async function closeEventfd({ process }: ScriptSession, fd: number): Promise<void> {
  await process.close(fd)
}
