/** Whether a machine is read from sysfs: the running one, or a folder with a copy. */
import { statSync } from 'node:fs'

/** Anything else is a file. */
export function isSysfs(from: string | undefined): boolean {
  return from === undefined || statSync(from, { throwIfNoEntry: false })?.isDirectory() === true
}
