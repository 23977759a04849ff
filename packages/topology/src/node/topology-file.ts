/** Reads a topology from a file, whatever its format. */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type { Diagnostic } from '../diagnostic.ts'
import { BUILTIN_READERS } from '../readers/builtin.ts'
import type { TopologyReader } from '../readers/topology-reader.ts'
import { TopologyReaders } from '../readers/topology-readers.ts'
import type { Topology } from '../topology.ts'
import { TopologyBuilder } from '../topology-builder.ts'
import { unreadableFile } from './unreadable-file.ts'

export interface TopologyFileOptions {
  /** Name of the format; recognised from the text when left out. */
  readonly format?: string
  /** Readers to choose from; those of this package when left out. */
  readonly readers?: TopologyReaders
}

const GZIP_MAGIC = [0x1f, 0x8b]

/**
 * A file that cannot be read or recognised gives a topology without functions and one fault of severity `error`;
 * nothing is thrown. A gzip-compressed file is read as what it holds.
 */
export function readTopologyFile(path: string, options: TopologyFileOptions = {}): Topology {
  const readers = options.readers ?? new TopologyReaders(BUILTIN_READERS)
  let text: string
  try {
    text = textOf(readFileSync(path))
  } catch (error) {
    return failed(unreadableFile(path, error))
  }
  const reader = choose(readers, text, options.format)
  if (reader !== undefined) return reader.read(text, { file: path })
  const formats = readers.all.map((known) => known.format).join(', ')
  const message = options.format === undefined ? 'format is not recognised' : 'no such format'
  const found = options.format ?? firstLine(text)
  return failed({ severity: 'error', code: 'format-unknown', message, file: path, expected: formats, found })
}

function textOf(bytes: Uint8Array): string {
  const isGzip = GZIP_MAGIC.every((byte, index) => bytes[index] === byte)
  return new TextDecoder().decode(isGzip ? gunzipSync(bytes) : bytes)
}

function choose(
  readers: TopologyReaders,
  text: string,
  format: string | undefined,
): TopologyReader | undefined {
  return format === undefined ? readers.recognise(text) : readers.byFormat(format)
}

function firstLine(text: string): string {
  const line = text.trimStart().split('\n', 1)[0] ?? ''
  return line === '' ? 'an empty file' : `'${line.slice(0, 60)}'`
}

function failed(fault: Diagnostic): Topology {
  return new TopologyBuilder().addFault(fault).finish()
}
