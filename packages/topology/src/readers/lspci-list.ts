/**
 * Reads what `lspci -n`, `-nn`, `-v` and plain `lspci` print, without hexadecimal rows: addresses, and ids when they
 * were printed. Without rows there are no capabilities, so resets and groups can be guessed from little.
 */
import { lspciDumpReader, readLspciText } from './lspci-dump.ts'
import { lspciMachineReader } from './lspci-machine.ts'
import type { TopologyReader } from './topology-reader.ts'

/** An address and a class with its colon; a word about a device in a mail has no colon there. */
const ENTRY = /^[>\t ]*(?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7][\t ]+[^\n":]{2,80}: \S/im

export const lspciListReader: TopologyReader = {
  format: 'lspci-list',
  recognises(text) {
    return ENTRY.test(text) && !lspciDumpReader.recognises(text) && !lspciMachineReader.recognises(text)
  },
  read(text, source) {
    return readLspciText(text, source, 'names-are-enough')
  },
}
