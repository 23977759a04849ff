/** A golden folder: hosts, scripts, traces/<kernel>/<host>, snapshots/<kernel>/<host>, masks, profiles. */
import { type Dirent, existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { KernelVersion } from '@vfiokit/vfio-core'
import type { Seeds } from '../conformance-host.ts'
import { InputError } from '../input-error.ts'
import { readTrace } from '../read-trace.ts'
import type { TraceRecord } from '../trace-record.ts'
import type { GoldenSource, Measurements, NamedText } from './golden-source.ts'
import { jsonObject, jsonOfObjects } from './json-file.ts'
import { readSeeds, type SeedTable } from './seed-table.ts'

/** Profiles are named `vvvv-dddd.json`; other files of that folder say other things. */
const PROFILE_NAME = /^([0-9a-f]{4}-[0-9a-f]{4})\.json$/
const TRACE_END = '.jsonl'

/** Reads a folder as it is asked for its parts. */
export class GoldenFolder implements GoldenSource {
  readonly title: string
  readonly #masks = new Map<string, Measurements | undefined>()
  #profiles: Measurements | undefined
  #seeds: SeedTable | undefined

  /** @throws InputError when there is no such folder. */
  constructor(readonly folder: string) {
    this.title = folder
    if (!isFolder(folder))
      throw new InputError([{ file: folder, expected: 'a golden folder', found: 'none' }])
  }

  hosts(kernel: KernelVersion): readonly string[] {
    return this.#entries('traces', kernel).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
  }

  traceNames(kernel: KernelVersion, host: string): readonly string[] {
    const files = this.#files('traces', kernel, host).filter((name) => name.endsWith(TRACE_END))
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
    if (!this.#masks.has(host)) {
      const found = this.#text('masks', `${host}.json`)
      this.#masks.set(host, found && jsonOfObjects(found.text, found.file))
    }
    return this.#masks.get(host)
  }

  profiles(): Measurements | undefined {
    if (this.#profiles !== undefined || !existsSync(join(this.folder, 'profiles'))) return this.#profiles
    const kinds = this.#files('profiles').flatMap((file) => PROFILE_NAME.exec(file)?.[1] ?? [])
    this.#profiles = Object.fromEntries(kinds.map((kind) => [kind, this.#json('profiles', `${kind}.json`)]))
    return this.#profiles
  }

  seeds(host: string, trace: string): Seeds | undefined {
    this.#seeds ??= this.#readSeeds()
    return this.#seeds[host]?.[trace]
  }

  #readSeeds(): SeedTable {
    const found = this.#text('profiles', 'seeds.json')
    return found === undefined ? {} : readSeeds(found.text, found.file)
  }

  #files(...parts: readonly string[]): readonly string[] {
    return this.#entries(...parts).flatMap((entry) => (entry.isDirectory() ? [] : [entry.name]))
  }

  /** By name; none where there is no such folder. */
  #entries(...parts: readonly string[]): readonly Dirent[] {
    const path = join(this.folder, ...parts)
    if (!isFolder(path)) return []
    return readdirSync(path, { withFileTypes: true }).sort((one, other) => (one.name < other.name ? -1 : 1))
  }

  #text(...parts: readonly string[]): NamedText | undefined {
    const file = join(this.folder, ...parts)
    return existsSync(file) ? { text: textOf(file), file } : undefined
  }

  #json(...parts: readonly string[]): Measurements | undefined {
    const found = this.#text(...parts)
    return found === undefined ? undefined : jsonObject(found.text, found.file)
  }
}

function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory()
}

/** @throws InputError for what cannot be read, such as a folder with the name of a file. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new InputError([{ file, expected: 'a file', found: (error as Error).message }])
  }
}
