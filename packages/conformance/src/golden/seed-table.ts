/** What earlier scripts of a boot left in registers: `profiles/seeds.json`. */
import type { Seeds } from '../conformance-host.ts'
import { type InputDefect, InputError } from '../input-error.ts'
import { jsonObject } from './json-file.ts'

/** By host and script. */
export type SeedTable = Readonly<Record<string, Readonly<Record<string, Seeds>>>>

/** BAR and offset, and what a register, or memory, holds. Other words, such as `unknown`, leave it as it is. */
const PLACE = /^[0-8]:0x[0-9a-f]+$/i
const IS_VALUE = /^(?:0x|bytes:)/
const VALUE = /^(?:0x[0-9a-f]+|bytes:(?:[0-9a-f]{2})+)$/i

/** @throws InputError with everything that is no seed. */
export function readSeeds(text: string, file: string): SeedTable {
  const { seeds } = jsonObject(text, file)
  const defects = [...defectsOf(seeds, ['seeds'], 4)].map((defect) => ({ file, ...defect }))
  if (defects.length > 0) throw new InputError(defects)
  return seeds as SeedTable
}

type Defect = Omit<InputDefect, 'file'>

/** @param depth - How many names lead from here to a value: host, script, BDF, place. */
function* defectsOf(value: unknown, path: readonly string[], depth: number): Generator<Defect> {
  if (depth > 0) {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      yield { expected: `an object as ${path.join(' > ')}`, found: JSON.stringify(value) ?? 'nothing' }
    else
      for (const [name, member] of Object.entries(value)) yield* defectsOf(member, [...path, name], depth - 1)
    return
  }
  // What is not text is for a device model that has more inside than registers.
  if (typeof value !== 'string' || !IS_VALUE.test(value)) return
  const place = path.at(-1)!
  if (!PLACE.test(place)) yield { expected: `BAR:0xOFFSET in ${path.slice(0, -1).join(' > ')}`, found: place }
  if (!VALUE.test(value)) yield { expected: `hexadecimal digits as ${path.join(' > ')}`, found: value }
}
