/** Tells when files change, by what is in them: that one was written again with the same text is no change. */
import { type FSWatcher, readdirSync, readFileSync, watch } from 'node:fs'
import { dirname, join } from 'node:path'

/** Editors write a file in several steps, and several files at once. */
const SETTLE_MS = 50

/** What is looked at. */
export interface Watched {
  readonly files: readonly string[]
  /** Folders of which every module and JSON file counts; not what lies deeper. */
  readonly moduleFolders: readonly string[]
}

const MODULE = /\.(?:[cm]?[jt]s|json)$/

/** Looks out for changes until it is closed. */
export class FileChanges {
  readonly #texts = new Map<string, string | undefined>()
  readonly #watchers = new Map<string, FSWatcher>()
  #watched: Watched = { files: [], moduleFolders: [] }
  #timer: NodeJS.Timeout | undefined
  #wake: (() => void) | undefined
  #closed = false

  /** What to look at from now on. Of what was looked at before, changes since then count. */
  look(watched: Watched): void {
    this.#watched = watched
    for (const file of this.#files()) if (!this.#texts.has(file)) this.#texts.set(file, textOf(file))
    for (const folder of [...watched.files.map((file) => dirname(file)), ...watched.moduleFolders])
      if (!this.#watchers.has(folder))
        this.#watchers.set(
          folder,
          watch(folder, () => this.#stirred()),
        )
  }

  /** The files that have changed since the last time, once there are any; undefined when it is closed. */
  async next(): Promise<readonly string[] | undefined> {
    while (!this.#closed) {
      const changed = this.#changed()
      if (changed.length > 0) return changed
      await new Promise<void>((wake) => {
        this.#wake = wake
      })
    }
    return undefined
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    for (const watcher of this.#watchers.values()) watcher.close()
    this.#wake?.()
  }

  #stirred(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#wake?.(), SETTLE_MS)
  }

  #changed(): string[] {
    const changed: string[] = []
    for (const file of new Set([...this.#texts.keys(), ...this.#files()])) {
      const text = textOf(file)
      if (text === this.#texts.get(file)) continue
      this.#texts.set(file, text)
      changed.push(file)
    }
    return changed
  }

  #files(): string[] {
    const { files, moduleFolders } = this.#watched
    return [...files, ...moduleFolders.flatMap(modulesIn)]
  }
}

/** None in a folder that is gone: what was in it has changed. */
function modulesIn(folder: string): string[] {
  let names: string[]
  try {
    names = readdirSync(folder)
  } catch {
    return []
  }
  return names.filter((name) => MODULE.test(name)).map((name) => join(folder, name))
}

/** Undefined for a file that is not there, which is how some editors begin to save it. */
function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
