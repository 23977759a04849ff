/** A golden folder: hosts, scripts, traces/<kernel>/<host>, snapshots/<kernel>/<host>, masks, profiles. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { KernelVersion } from '@vfiokit/vfio-core'
import type { Seeds } from '../conformance-host.ts'
import { InputError } from '../input-error.ts'
import { readTrace } from '../read-trace.ts'
import type { TraceRecord } from '../trace-record.ts'
import type { GoldenSource, Measurements, NamedText } from './golden-source.ts'
import { jsonObject } from './json-file.ts'

/** Profiles are named `vvvv-dddd.json`; other files of that folder say other things. */
const PROFILE_NAME = /^([0-9a-f]{4}-[0-9a-f]{4})\.json$/
const TRACE_END = '.jsonl'

/** By host and script. */
type SeedTable = Readonly<Record<string, Readonly<Record<string, Seeds>>>>

/** Reads a folder as it is asked for its parts. */
export class GoldenFolder implements GoldenSource {
  readonly title: string
  readonly #masks = new Map<string, Measurements | undefined>()
  #profiles: Measurements | undefined
  #seeds: SeedTable | undefined

  /** @throws InputError when there is no such folder. */
  constructor(readonly folder: string) {
    this.title = folder
    if (!existsSync(folder) || !statSync(folder).isDirectory())
      throw new InputError([{ file: folder, expected: 'a golden folder', found: 'none' }])
  }

  hosts(kernel: KernelVersion): readonly string[] {
    return this.#list('traces', kernel)
  }

  traceNames(kernel: KernelVersion, host: string): readonly string[] {
    const files = this.#list('traces', kernel, host).filter((name) => name.endsWith(TRACE_END))
    return files.map((name) => name.slice(0, -TRACE_END.length))
  }

  trace(kernel: KernelVersion, host: string, name: string): readonly TraceRecord[] | undefined {
    const found = this.#text('traces', kernel, host, `${name}${TRACE_END}`)
    return found === undefined ? undefined : readTrace(found.text, found.file)
  }

  snapshot(kernel: KernelVersion, host: string): NamedText | undefined {
    return this.#text('snapshots', kernel, host, 'snapshot.json')
  }

  masks(host: string): Measurements | undefined {
    if (!this.#masks.has(host)) this.#masks.set(host, this.#json('masks', `${host}.json`))
    return this.#masks.get(host)
  }

  profiles(): Measurements | undefined {
    if (this.#profiles !== undefined || !existsSync(join(this.folder, 'profiles'))) return this.#profiles
    const kinds = this.#list('profiles').flatMap((file) => PROFILE_NAME.exec(file)?.[1] ?? [])
    this.#profiles = Object.fromEntries(kinds.map((kind) => [kind, this.#json('profiles', `${kind}.json`)]))
    return this.#profiles
  }

  seeds(host: string, trace: string): Seeds | undefined {
    this.#seeds ??= (this.#json('profiles', 'seeds.json')?.seeds ?? {}) as SeedTable
    return this.#seeds[host]?.[trace]
  }

  #list(...parts: readonly string[]): readonly string[] {
    const path = join(this.folder, ...parts)
    return existsSync(path) ? readdirSync(path).sort() : []
  }

  #text(...parts: readonly string[]): NamedText | undefined {
    const file = join(this.folder, ...parts)
    return existsSync(file) ? { text: readFileSync(file, 'utf8'), file } : undefined
  }

  #json(...parts: readonly string[]): Measurements | undefined {
    const found = this.#text(...parts)
    return found === undefined ? undefined : jsonObject(found.text, found.file)
  }
}
