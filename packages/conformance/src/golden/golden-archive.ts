/**
 * A golden folder in compact form: one compressed file for each kernel and host (its snapshot and its
 * traces), one for the masks of each host, one for all profiles and seeds.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib'
import { KERNEL_VERSIONS, type KernelVersion } from '@vfiokit/vfio-core'
import type { Seeds } from '../conformance-host.ts'
import { InputError } from '../input-error.ts'
import { readTrace, traceText } from '../read-trace.ts'
import type { TraceRecord } from '../trace-record.ts'
import type { GoldenSource, Measurements, NamedText } from './golden-source.ts'
import { jsonObject } from './json-file.ts'

const END = '.json.br'

/** What one file of a kernel and host holds. */
interface Recording {
  readonly snapshot?: string
  /** Text of each trace, by name. */
  readonly traces: Readonly<Record<string, string>>
}

/** Profiles and seeds. */
interface Devices {
  readonly profiles: Measurements
  readonly seeds: Readonly<Record<string, Readonly<Record<string, Seeds>>>>
}

/** Whether a folder holds the compact form: profiles, or recordings of some kernel. */
export function isGoldenArchive(folder: string): boolean {
  if (existsSync(join(folder, `devices${END}`))) return true
  return KERNEL_VERSIONS.some((kernel) => recordingsIn(join(folder, kernel)).length > 0)
}

/** Names of the packed files of a kernel, without their ending. */
function recordingsIn(path: string): readonly string[] {
  const files = existsSync(path) ? readdirSync(path).sort() : []
  return files.filter((name) => name.endsWith(END)).map((name) => name.slice(0, -END.length))
}

/** Unpacks one file at a time: only what was asked for last stays in memory. */
export class GoldenArchive implements GoldenSource {
  readonly title: string
  #last: { readonly path: string; readonly value: unknown } | undefined
  readonly #masks = new Map<string, Measurements | undefined>()
  #devices: Devices | undefined

  /** @throws InputError when there is no such folder. */
  constructor(readonly folder: string) {
    this.title = folder
    if (!existsSync(folder))
      throw new InputError([{ file: folder, expected: 'packed traces', found: 'none' }])
  }

  hosts(kernel: KernelVersion): readonly string[] {
    return recordingsIn(join(this.folder, kernel))
  }

  traceNames(kernel: KernelVersion, host: string): readonly string[] {
    return Object.keys(this.#recording(kernel, host)?.traces ?? {})
  }

  trace(kernel: KernelVersion, host: string, name: string): readonly TraceRecord[] | undefined {
    const text = this.#recording(kernel, host)?.traces[name]
    return text === undefined ? undefined : readTrace(text, `${this.#path(kernel, host)}:${name}`)
  }

  snapshot(kernel: KernelVersion, host: string): NamedText | undefined {
    const text = this.#recording(kernel, host)?.snapshot
    return text === undefined ? undefined : { text, file: this.#path(kernel, host) }
  }

  masks(host: string): Measurements | undefined {
    if (!this.#masks.has(host))
      this.#masks.set(host, unpacked(this.#path('masks', host)) as Measurements | undefined)
    return this.#masks.get(host)
  }

  profiles(): Measurements | undefined {
    return this.#readDevices()?.profiles
  }

  seeds(host: string, trace: string): Seeds | undefined {
    return this.#readDevices()?.seeds[host]?.[trace]
  }

  #readDevices(): Devices | undefined {
    this.#devices ??= unpacked(join(this.folder, `devices${END}`)) as Devices | undefined
    return this.#devices
  }

  #recording(kernel: KernelVersion, host: string): Recording | undefined {
    const path = this.#path(kernel, host)
    if (this.#last?.path !== path) this.#last = { path, value: unpacked(path) }
    return this.#last.value as Recording | undefined
  }

  #path(folder: string, name: string): string {
    return join(this.folder, folder, `${name}${END}`)
  }
}

/** @throws InputError for a file that is damaged. */
function unpacked(path: string): Readonly<Record<string, unknown>> | undefined {
  if (!existsSync(path)) return undefined
  let text: string
  try {
    text = brotliDecompressSync(readFileSync(path)).toString('utf8')
  } catch (error) {
    throw new InputError([{ file: path, expected: 'brotli', found: (error as Error).message }])
  }
  return jsonObject(text, path)
}

/** Writes the compact form of a source: everything that it has. */
export function packGolden(source: GoldenSource, folder: string): void {
  const hosts = new Set<string>()
  for (const kernel of KERNEL_VERSIONS) {
    for (const host of source.hosts(kernel)) {
      hosts.add(host)
      pack(join(folder, kernel, `${host}${END}`), recordingOf(source, kernel, host))
    }
  }
  for (const host of hosts) {
    const masks = source.masks(host)
    if (masks !== undefined) pack(join(folder, 'masks', `${host}${END}`), masks)
  }
  const profiles = source.profiles()
  if (profiles !== undefined)
    pack(join(folder, `devices${END}`), { profiles, seeds: seedsOf(source, [...hosts]) })
}

function recordingOf(source: GoldenSource, kernel: KernelVersion, host: string): Recording {
  const snapshot = source.snapshot(kernel, host)?.text
  const names = source.traceNames(kernel, host)
  const traces = Object.fromEntries(names.map((name) => [name, traceText(source.trace(kernel, host, name)!)]))
  return snapshot === undefined ? { traces } : { snapshot, traces }
}

/** Only of traces that are there: seeds of others would say nothing. */
function seedsOf(source: GoldenSource, hosts: readonly string[]): Devices['seeds'] {
  return Object.fromEntries(
    hosts.map((host) => {
      const names = new Set(KERNEL_VERSIONS.flatMap((kernel) => source.traceNames(kernel, host)))
      const found = [...names].flatMap((name) => {
        const seeds = source.seeds(host, name)
        return seeds === undefined ? [] : [[name, seeds] as const]
      })
      return [host, Object.fromEntries(found)]
    }),
  )
}

function pack(path: string, value: unknown): void {
  mkdirSync(dirname(path), { recursive: true })
  const text = Buffer.from(JSON.stringify(value))
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24 }
  writeFileSync(path, brotliCompressSync(text, { params }))
}
