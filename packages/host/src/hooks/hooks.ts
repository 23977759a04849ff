/** Objects of a plugin that have members to be asked: regions, features, migration. */

/** Have members, and are no hooks of a plugin. */
const VALUES: readonly (abstract new (...args: never[]) => object)[] = [
  ArrayBuffer,
  SharedArrayBuffer,
  Date,
  Error,
  Map,
  Promise,
  RegExp,
  Set,
  WeakMap,
]

/** How deep hooks may lie in an object. */
const DEPTH_MAX = 4

/** Whether an object has members that are functions, its own or those of its class, or something in it has. */
export function isHooks(value: unknown, depth = 0): value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || ArrayBuffer.isView(value))
    return false
  if (VALUES.some((each) => value instanceof each) || Symbol.iterator in value) return false
  if (membersOf(value).length > 0) return true
  return (
    depth < DEPTH_MAX && valuesIn(value).some((each) => partsOf(each).some((one) => isHooks(one, depth + 1)))
  )
}

/** Without running getters. */
function valuesIn(value: object): readonly unknown[] {
  return Object.values(Object.getOwnPropertyDescriptors(value)).map((own) => own.value as unknown)
}

/** The elements of a list or Map; anything else itself. */
function partsOf(value: unknown): readonly unknown[] {
  if (value instanceof Map) return [...value.values()]
  return Array.isArray(value) ? value : [value]
}

/** Names of the members of an object that are functions, in the order of the alphabet. Getters are not run. */
export function membersOf(value: object): readonly string[] {
  const names = new Set<string>()
  for (let at: object | null = value; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at))
    for (const [name, own] of Object.entries(Object.getOwnPropertyDescriptors(at)))
      if (name !== 'constructor' && typeof own.value === 'function') names.add(name)
  return [...names].sort()
}

/** What stands under a key: of a list, a Map or an object. */
export function stepInto(container: unknown, key: string | number): unknown {
  if (container instanceof Map) return container.get(key)
  if (typeof container !== 'object' || container === null) return undefined
  return Reflect.get(container, key, container)
}
