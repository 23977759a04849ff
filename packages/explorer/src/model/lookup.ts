/** What a model has, by name. */

/** @throws RangeError when there is none of that name. */
export function found<T>(all: ReadonlyMap<string, T>, name: string, what: string): T {
  const one = all.get(name)
  if (one === undefined) throw new RangeError(`there is no ${what} ${name}`)
  return one
}
