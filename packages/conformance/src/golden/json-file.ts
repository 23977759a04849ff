/** JSON of a file that somebody wrote. */
import { InputError } from '../input-error.ts'

/** @throws InputError for what is no JSON object. */
export function jsonObject(text: string, file: string): Readonly<Record<string, unknown>> {
  let found = text.slice(0, 40)
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>
  } catch (error) {
    found = (error as Error).message
  }
  throw new InputError([{ file, expected: 'a JSON object', found }])
}
