/** Why a file could not be read, in words. */
import type { Diagnostic } from '../diagnostic.ts'

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'a directory, not a file',
  EACCES: 'no permission to read it',
}

/**
 * The diagnostic of a file that could not be read.
 *
 * @param error what reading it threw
 */
export function unreadableFile(path: string, error: unknown): Diagnostic {
  const { code = '', message } = error as NodeJS.ErrnoException
  return { severity: 'error', code: 'file-unreadable', message: REASONS[code] ?? message, file: path }
}
