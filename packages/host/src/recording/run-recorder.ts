/** Writes down what the plugins of one host are asked and answer. */
import type { Operation } from '@vfiokit/locking'
import type { Plugin } from '@vfiokit/plugin'
import { type HookCall, HookProxies } from '../hooks/hook-proxy.ts'
import { deviceAmong, type MatchesDevices, withMatchingParts } from '../hooks/opens-devices.ts'
import type { Host } from '../host.ts'
import { hexOf, RecordedValues, thrownValue } from './recorded-value.ts'
import type { RecordedCall } from './recording.ts'

type Writable<T> = { -readonly [K in keyof T]: T[K] }

/** Whose members are asked. */
interface Asked {
  readonly provider: string
  readonly device: string | undefined
  /** The calls that led to the object: `open`; empty: the provider itself. */
  readonly from: string
}

/** Stands between a host and its plugins. */
export class RunRecorder {
  readonly calls: RecordedCall[] = []
  readonly #values = new RecordedValues()
  /** How many have each name. */
  readonly #names = new Map<string, number>()
  #host: Host | undefined

  /** Plugins that do the same and are written down. What has nothing to do with devices is left as it is. */
  wrap(plugins: readonly Plugin[]): readonly Plugin[] {
    return plugins.map((plugin) =>
      withMatchingParts(plugin, (each) =>
        this.#inFront(each, { provider: this.#nameOf(each), device: undefined, from: '' }),
      ),
    )
  }

  /** A second one of a name is told apart. */
  #nameOf({ name }: MatchesDevices): string {
    const times = (this.#names.get(name) ?? 0) + 1
    this.#names.set(name, times)
    return times === 1 ? name : `${name} (${times})`
  }

  /** The host that the plugins were given to: it knows the indexes of regions. */
  watch(host: Host): void {
    this.#host = host
  }

  #inFront(answer: unknown, asked: Asked): unknown {
    return new HookProxies(answer, (call) => this.#ask(call, asked)).answer
  }

  #ask(call: HookCall, asked: Asked): unknown {
    const { member } = call
    const device = deviceAmong(call.arguments) ?? asked.device
    const region = this.#regionIndex(device, call.proxy)
    const at = `${asked.from}${call.path}`
    const bytes = call.arguments.map((each) => (each instanceof Uint8Array ? hexOf(each) : undefined))
    const written: Writable<RecordedCall> = {
      call: this.calls.length + 1,
      provider: asked.provider,
      ...(device !== undefined && { device }),
      ...(region !== undefined && { region }),
      ...(region === undefined && at !== '' && { at }),
      member,
      arguments: call.arguments.map((each) => this.#values.of(each)),
    }
    this.calls.push(written)
    let answer: unknown
    try {
      answer = call.ask()
    } catch (cause) {
      written.thrown = thrownValue(cause)
      throw cause
    } finally {
      this.#noteFilled(written, call.arguments, bytes)
    }
    if (isOperation(answer))
      return this.#stepwise(answer, written, () => this.#noteFilled(written, call.arguments, bytes))
    written.answer = this.#values.of(answer)
    return this.#inFront(answer, { ...asked, device, from: at === '' ? member : `${at}.${member}` })
  }

  /** Passes the steps of an Operation on; what it ends with is the answer. One that is stopped has none. */
  *#stepwise(
    answer: Operation<unknown>,
    written: Writable<RecordedCall>,
    note: () => void,
  ): Operation<unknown> {
    written.steps = 0
    const counted = countSteps(answer, () => {
      written.steps!++
    })
    try {
      const result = yield* counted
      written.answer = this.#values.of(result)
      return result
    } catch (cause) {
      written.thrown = thrownValue(cause)
      throw cause
    } finally {
      note()
    }
  }

  #noteFilled(
    written: Writable<RecordedCall>,
    given: readonly unknown[],
    before: readonly (string | undefined)[],
  ): void {
    const changed = given.flatMap((each, at) =>
      each instanceof Uint8Array && hexOf(each) !== before[at] ? [[at, this.#values.of(each)] as const] : [],
    )
    if (changed.length > 0) written.filled = Object.fromEntries(changed)
  }

  #regionIndex(device: string | undefined, proxy: object): number | undefined {
    if (device === undefined) return undefined
    const open = this.#host?.core.devices.get(device)
    const regions = (open && this.#host!.bus.driverOf(open)?.open?.regions) ?? []
    return regions.find(({ region }) => region === proxy)?.index
  }
}

function isOperation(answer: unknown): answer is Operation<unknown> {
  if (typeof answer !== 'object' || answer === null) return false
  const { next, return: end, throw: fail } = answer as Partial<Operation<unknown>>
  return [next, end, fail].every((each) => typeof each === 'function')
}

/** The same Operation; `taken` is called for each step. */
function countSteps(operation: Operation<unknown>, taken: () => void): Operation<unknown> {
  const count = (next: ReturnType<typeof operation.next>) => {
    if (next.done !== true) taken()
    return next
  }
  return {
    next: (...result: [] | [never]) => count(operation.next(...result)),
    return: (value: unknown) => count(operation.return(value)),
    throw: (cause: unknown) => count(operation.throw(cause)),
    [Symbol.iterator]() {
      return this
    },
  } as Operation<unknown>
}
