/**
 * Stands between the core and the objects with members that a plugin answers with: every call of a member
 * goes through one function, and what is behind can be exchanged.
 *
 * Nothing here knows the interface of regions: members that are added to it come through as well.
 */
import { isHooks, stepInto } from './hooks.ts'

/** One call of a member. */
export interface HookCall {
  /** Where its object stands in what the plugin answered: `[0]`, `.migration`; empty: the answer itself. */
  readonly path: string
  readonly member: string
  readonly arguments: readonly unknown[]
  /** The object as the core has it. */
  readonly proxy: object
  /** Asks the plugin. */
  ask(): unknown
}

/** Asks the plugin, or does something else. */
export type Intercept = (call: HookCall) => unknown

type Key = string | number

/** One answer of a plugin, as the core gets it. */
export class HookProxies {
  readonly #intercept: Intercept
  readonly #proxies = new Map<string, object>()

  /** @param current - What is behind; another object of the same shape may be put there. */
  constructor(
    public current: unknown,
    intercept: Intercept,
  ) {
    this.#intercept = intercept
  }

  /** What the core is given: objects that have members are proxies, everything else is itself. */
  get answer(): unknown {
    return this.#inFront([], this.current)
  }

  #inFront(keys: readonly Key[], value: unknown): unknown {
    if (Array.isArray(value)) return this.#list(keys, value)
    if (value instanceof Map && [...value.values()].some((each) => isHooks(each)))
      return new Map([...value].map(([key, each]) => [key, this.#inFront([...keys, key as Key], each)]))
    return isHooks(value) ? this.#proxy(keys) : value
  }

  /** An object that is given twice is one proxy: the core looks for that. */
  #list(keys: readonly Key[], list: readonly unknown[]): readonly unknown[] {
    if (!list.some((each) => isHooks(each))) return list
    return list.map((each) => this.#inFront([...keys, list.indexOf(each)], each))
  }

  #proxy(keys: readonly Key[]): object {
    const path = pathText(keys)
    const known = this.#proxies.get(path)
    if (known !== undefined) return known
    const proxy: object = new Proxy(
      {},
      this.#handler(keys, path, () => proxy),
    )
    this.#proxies.set(path, proxy)
    return proxy
  }

  /** The target is an empty object, so that a frozen one behind cannot insist on its own members. */
  #handler(keys: readonly Key[], path: string, self: () => object): ProxyHandler<object> {
    const behind = (): object => (keys.reduce<unknown>(stepInto, this.current) as object | undefined) ?? {}
    const get = (key: string | symbol): unknown => {
      const target = behind()
      const value: unknown = Reflect.get(target, key, target)
      if (typeof key !== 'string') return value
      if (typeof value !== 'function') return this.#inFront([...keys, key], value)
      return (...given: unknown[]) =>
        this.#intercept({
          path,
          member: key,
          arguments: given,
          proxy: self(),
          ask: () => Reflect.apply(value as () => unknown, target, given),
        })
    }
    return {
      get: (_, key) => get(key),
      has: (_, key) => Reflect.has(behind(), key),
      ownKeys: () => Reflect.ownKeys(behind()),
      getPrototypeOf: () => Reflect.getPrototypeOf(behind()),
      getOwnPropertyDescriptor: (_, key) => {
        const own = Reflect.getOwnPropertyDescriptor(behind(), key)
        return (
          own && { value: get(key), enumerable: own.enumerable ?? false, configurable: true, writable: true }
        )
      },
    }
  }
}

function pathText(keys: readonly Key[]): string {
  return keys.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`)).join('')
}
