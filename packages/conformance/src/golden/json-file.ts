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

/**
 * As {@link jsonObject}, of which every member is an object too.
 *
 * @throws InputError with each member that is none.
 */
export function jsonOfObjects(text: string, file: string): Readonly<Record<string, object>> {
  const whole = jsonObject(text, file)
  const defects = Object.entries(whole).flatMap(([name, value]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? []
      : [{ file, expected: `an object as "${name}"`, found: JSON.stringify(value) }],
  )
  if (defects.length > 0) throw new InputError(defects)
  return whole as Readonly<Record<string, object>>
}
