/** A provider with somebody who writes down what the core asks of it, and can plant something else for a member. */
import type { PciFunction } from '@vfiokit/topology'
import type { Region, RegionHost, RegionProvider } from '@vfiokit/vfio-pci'

/** Members of a region that are functions. */
export type RegionMember =
  | 'read'
  | 'write'
  | 'fault'
  | 'capabilities'
  | 'resetPrepare'
  | 'resetDone'
  | 'close'

/** One call of a member. */
export interface RegionCall {
  /** Position of the region in what `open` answered. */
  readonly region: number
  readonly member: RegionMember
  /** Of read, write and fault. */
  readonly offset: number
  /** Of read and write. */
  readonly lengthBytes: number
  /** What it answered; undefined also when it threw. */
  readonly result: unknown
}

/** A member that does something else instead of being asked. */
export interface Sabotage {
  readonly region: number
  readonly member: RegionMember
  /** May throw. */
  readonly instead: () => unknown
}

/** Passes everything on to a provider. */
export class ObservedProvider implements RegionProvider {
  readonly name: string
  readonly calls: RegionCall[] = []
  /** What the latest open answered, as the provider made it. */
  regions: readonly Region[] = []
  opens = 0
  /** `open`: throw there instead. */
  sabotage: Sabotage | 'open' | undefined

  constructor(readonly provider: RegionProvider) {
    this.name = provider.name
  }

  matches(fn: PciFunction): boolean {
    return this.provider.matches(fn)
  }

  open(host: RegionHost): readonly Region[] {
    if (this.sabotage === 'open') throw new Error('planted in open')
    this.regions = this.provider.open(host)
    this.opens++
    return this.regions.map((region, index) => this.#observed(region, index))
  }

  /** Calls of one member of one region so far. */
  callsOf(region: number, member: RegionMember): readonly RegionCall[] {
    return this.calls.filter((call) => call.region === region && call.member === member)
  }

  /** Looks every member up when it is used: a region may be frozen, a class, or change its mind. */
  #observed(region: Region, index: number): Region {
    return new Proxy({} as Region, {
      get: (_target, key) => {
        const value: unknown = Reflect.get(region, key, region)
        if (typeof value !== 'function' || typeof key !== 'string') return value
        return (...args: unknown[]) => this.#call(region, index, key as RegionMember, value, args)
      },
    })
  }

  #call(region: Region, index: number, member: RegionMember, value: unknown, args: unknown[]): unknown {
    const [offset, bytes] = args as [number?, Uint8Array?]
    const call = { region: index, member, offset: offset ?? 0, lengthBytes: bytes?.length ?? 0 }
    let result: unknown
    try {
      const { sabotage } = this
      if (typeof sabotage === 'object' && sabotage.region === index && sabotage.member === member)
        return sabotage.instead()
      result = Reflect.apply(value as (...args: unknown[]) => unknown, region, args)
      return result
    } finally {
      this.calls.push({ ...call, result })
    }
  }
}
