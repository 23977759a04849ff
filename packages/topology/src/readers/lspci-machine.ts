/**
 * Reads `lspci -m` and `-mm`, the form for scripts: one line for each function, fields in quotes. With `-nn` or `-n`
 * they have ids; without, the functions are there and their ids unknown.
 */
import { Bdf } from '../bdf.ts'
import type { Topology } from '../topology.ts'
import { type LspciField, type LspciFieldName, LspciRecords } from './lspci-record.ts'
import type { TopologyReader } from './topology-reader.ts'

const START = /^([>\t ]*)((?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])(?=\s+")/i
const QUOTED_FIELDS: readonly LspciFieldName[] = ['Class', 'Vendor', 'Device', 'SVendor', 'SDevice']
const OPTIONS: Readonly<Record<string, LspciFieldName>> = { r: 'Rev', p: 'ProgIf' }
const TOKEN = /\s+(?:"((?:[^"\\]|\\.)*)"|-([rp])(\S*))(?=\s|$)/sy

export const lspciMachineReader: TopologyReader = {
  format: 'lspci-mm',
  recognises(text) {
    return /^[>\t ]*(?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7] "/im.test(text)
  },
  read(text, source): Topology {
    const records = new LspciRecords(source, '-mmnn')
    text.split('\n').forEach((raw, index) => void readLine(records, raw.trimEnd(), index + 1))
    return records.finish()
  },
}

function readLine(records: LspciRecords, text: string, line: number): void {
  const start = START.exec(text)
  const bdf = start === null ? undefined : Bdf.tryParse(start[2]!)
  if (bdf === undefined) return
  const fields = new Map<LspciFieldName, LspciField>()
  const column = start![1]!.length + 1
  records.add({ bdf, line, column, fields })
  let quoted = 0
  let offset = start![0].length
  while (offset < text.length) {
    TOKEN.lastIndex = offset
    const token = TOKEN.exec(text)
    const name = token?.[2] === undefined ? QUOTED_FIELDS[quoted] : OPTIONS[token[2]]
    if (token === null || name === undefined) {
      const rest = text.slice(offset).trimStart()
      const place = { line, column: text.length - rest.length + 1 }
      const message = `${bdf}: the rest of the line is left out`
      const expected = name === undefined ? 'the end of the line' : 'a field in quotes, -r or -p'
      const found = rest.length > 40 ? `${rest.slice(0, 40)}...` : rest
      records.fault({ code: 'list-line-malformed', message, expected, found, bdf, ...place })
      return
    }
    if (token[2] === undefined) quoted += 1
    const value = token[2] === undefined ? token[1]!.replaceAll(/\\(.)/gs, '$1') : token[3]!
    const at = offset + token[0].length - (token[1]?.length ?? token[3]!.length)
    if (value !== '') fields.set(name, { text: value, line, column: token[2] === undefined ? at : at + 1 })
    offset += token[0].length
  }
  if (quoted < 3) {
    const message = `${bdf}: the line ends before class, vendor and device are said`
    records.fault({ code: 'list-line-short', message, bdf, line, column: text.length + 1 })
  }
}
