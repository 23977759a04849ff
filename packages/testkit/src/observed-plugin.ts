/** What a plugin opens to, with somebody who writes down what is asked, and can plant something else for a member. */
import type { PciFunction } from '@vfiokit/topology'
import type { PciBusOptions, Region, RegionBody } from '@vfiokit/vfio-pci'

/** Members of a region that are functions. */
export type RegionMember =
  | 'read'
  | 'write'
  | 'fault'
  | 'capabilities'
  | 'resetPrepare'
  | 'resetDone'
  | 'close'

/** A region by its position in what was opened, or the variant driver itself. */
export type MemberOwner = number | 'driver'

/** One call of a member. */
export interface PluginCall {
  readonly owner: MemberOwner
  /** As failures name it: `read`, or `migration step`. */
  readonly member: string
  /** Of read, write and fault. */
  readonly offset: number
  /** Of read and write. */
  readonly lengthBytes: number
  /** What it answered; undefined also when it threw. */
  readonly result: unknown
}

/** A member that does something else instead of being asked. */
export interface Sabotage {
  readonly owner: MemberOwner
  readonly member: string
  /** May throw. */
  readonly instead: () => unknown
}

/** A region that was opened, as checks find it. */
export interface SurveyedRegion {
  /** In the order of what `open` answered. */
  readonly position: number
  /** As users see it. */
  readonly index: number
  readonly region: Region | RegionBody
}

/** How something is observed. */
interface Watch<T> {
  readonly owner: MemberOwner
  /** What failures call a member. */
  readonly nameOf?: (member: string) => string
  /** What becomes of an answer on its way to the core. */
  readonly seen?: (answer: unknown) => unknown
  /** Members that are observed for themselves. */
  readonly parts?: Partial<T>
}

/** Passes everything on to a plugin. */
export abstract class ObservedPlugin {
  readonly calls: PluginCall[] = []
  /** What the latest open answered, as the plugin made it. */
  regions: readonly SurveyedRegion[] = []
  opens = 0
  /** `open`: throw there instead. */
  sabotage: Sabotage | 'open' | undefined
  /** The `mmap` of a region is asked for its first mapping alone; others may be. */
  asksFirstMappingOnly = false
  /** Owners whose `mmap` has been asked since the latest open. */
  readonly #mapped = new Set<MemberOwner>()

  abstract readonly name: string
  /** How a bus gets to know it. */
  abstract readonly registration: Pick<PciBusOptions, 'providers' | 'variantDrivers'>
  /** Whether it is for a function. */
  abstract matches(fn: PciFunction): boolean

  /** Calls of one member of one region so far. */
  callsOf(owner: MemberOwner, member: string): readonly PluginCall[] {
    return this.calls.filter((call) => call.owner === owner && call.member === member)
  }

  /** @throws Error when that is planted. */
  protected beginOpen(): void {
    if (this.sabotage === 'open') throw new Error('planted in open')
    this.opens++
    this.#mapped.clear()
  }

  /**
   * Looks every member up when it is used: what is observed may be frozen, a class, or change its mind.
   */
  protected observed<T extends object>(target: T, watch: Watch<T>): T {
    const { owner, nameOf = String, seen = (answer) => answer, parts = {} } = watch
    return new Proxy({} as T, {
      has: (_target, key) => Reflect.has(target, key),
      get: (_target, key) => {
        if (Object.hasOwn(parts, key)) return Reflect.get(parts, key)
        const value: unknown = Reflect.get(target, key, target)
        if (typeof value !== 'function' || typeof key !== 'string') return value
        return (...args: unknown[]) =>
          seen(this.asked(owner, nameOf(key), args, () => Reflect.apply(value, target, args)))
      },
    })
  }

  /** Notes a call, and asks for it or for what is planted instead. */
  protected asked(owner: MemberOwner, member: string, args: readonly unknown[], ask: () => unknown): unknown {
    const [offset, bytes] = args
    const call = {
      owner,
      member,
      offset: typeof offset === 'number' ? offset : 0,
      lengthBytes: bytes instanceof Uint8Array ? bytes.length : 0,
    }
    let result: unknown
    try {
      const { sabotage } = this
      if (typeof sabotage === 'object' && sabotage.owner === owner && sabotage.member === member)
        return sabotage.instead()
      if (member === 'mmap' && this.asksFirstMappingOnly && this.#mapped.has(owner)) return undefined
      result = ask()
      if (member === 'mmap') this.#mapped.add(owner)
      return result
    } finally {
      this.calls.push({ ...call, result })
    }
  }
}
