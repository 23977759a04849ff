/** TopologyReaders: the readers that are installed, by format name and by what a text looks like. */
import type { TopologyReader } from './topology-reader.ts'

export class TopologyReaders {
  /** In the order in which they are asked. */
  readonly all: readonly TopologyReader[]

  /** @throws TypeError when two readers have one format name. */
  constructor(readers: readonly TopologyReader[]) {
    const names = new Set<string>()
    for (const { format } of readers) {
      if (names.has(format)) throw new TypeError(`two topology readers have the format '${format}'`)
      names.add(format)
    }
    this.all = Object.freeze([...readers])
    Object.freeze(this)
  }

  byFormat(format: string): TopologyReader | undefined {
    return this.all.find((reader) => reader.format === format)
  }

  /** The first reader that recognises the text. */
  recognise(text: string): TopologyReader | undefined {
    return this.all.find((reader) => reader.recognises(text))
  }
}
