/**
 * plugin-name: reads device tables, a text with one PCI function a line.
 *
 *   device-table 1
 *   # address     id         class   what is known besides
 *   0000:00:01.0  1b36:000c  060400  buses=1-1 group=1 driver=pcieport
 *   0000:01:00.0  1e5a:0001  120000  bar0=fe000000+10000 group=2
 *
 * Numbers are hexadecimal, but for groups. To begin with: put your format here, its name, and a file of it in place of
 * machine.txt.
 */
import {
  Bdf,
  type Diagnostic,
  type FunctionInput,
  type ReadSource,
  TopologyBuilder,
  type TopologyReader,
} from '@vfiokit/topology'

export const pluginName: TopologyReader = {
  format: 'device-table',

  /** Asked for files whose format nobody names: says yes to its own only. */
  recognises: (text) => /^device-table 1\s*$/m.test(text.split('\n', 1)[0] ?? ''),

  /** Never throws: a line that cannot be read becomes a fault, and the others are read. */
  read(text, source) {
    const builder = new TopologyBuilder()
    text.split('\n').forEach((line, index) => {
      const words = line.replace(/#.*/, '').trim()
      if (index > 0 && words !== '') readLine(builder, words.split(/\s+/), { ...source, line: index + 1 })
    })
    return builder.finish()
  },
}

type Place = ReadSource & Pick<Diagnostic, 'line'>
type Known = Partial<FunctionInput>

/** What may stand behind address, id and class: how it looks, and what it says. */
const FIELDS: Readonly<Record<string, { pattern: RegExp; means: (...parts: string[]) => Known }>> = {
  group: { pattern: /^(\d{1,9})$/, means: (group = '') => ({ iommuGroup: Number(group) }) },
  driver: { pattern: /^(\S+)$/, means: (driver) => ({ driver }) },
  buses: {
    pattern: /^([0-9a-f]{1,2})-([0-9a-f]{1,2})$/i,
    means: (secondary = '', subordinate = '') => ({
      busNumbers: { primary: 0, secondary: hex(secondary), subordinate: hex(subordinate) },
    }),
  },
  bar0: {
    pattern: /^([0-9a-f]{1,8})\+([0-9a-f]{1,8})$/i,
    means: (address = '', size = '') => ({
      bars: [
        {
          index: 0,
          kind: 'memory',
          width: 32,
          prefetchable: false,
          address: BigInt(hex(address)),
          sizeBytes: hex(size),
        },
      ],
    }),
  },
}

function readLine(builder: TopologyBuilder, words: readonly string[], place: Place): void {
  const [address = '', id = '', classCode = '', ...others] = words
  const bdf = Bdf.tryParse(address)
  const ids = /^([0-9a-f]{4}):([0-9a-f]{4})$/i.exec(id)
  if (bdf === undefined || ids === null || !/^[0-9a-f]{6}$/i.test(classCode)) {
    const expected = 'address, vendor:device and class'
    builder.addFault(fault(place, 'line is left out', expected, words.join(' ')))
    return
  }
  const known = others.map((word) => readField(builder, word, { ...place, bdf }))
  const [, vendor = '', device = ''] = ids
  const identity = { bdf, vendorId: hex(vendor), deviceId: hex(device), classCode: hex(classCode) }
  builder.addFunction(Object.assign(identity, ...known))
}

/** A field that cannot be read costs itself, and not the function. */
function readField(builder: TopologyBuilder, word: string, place: Place & Pick<Diagnostic, 'bdf'>): Known {
  const [, name = '', value = ''] = /^(\w+)=(.*)$/.exec(word) ?? []
  const field = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined
  const parts = field?.pattern.exec(value)
  if (field !== undefined && parts != null) return field.means(...parts.slice(1))
  const expected = `${Object.keys(FIELDS).join(', ')}, = and a value`
  builder.addFault(fault(place, 'field is left out', expected, word))
  return {}
}

function fault(place: Partial<Diagnostic>, message: string, expected: string, found: string): Diagnostic {
  return { ...place, severity: 'error', code: 'device-table-malformed', message, expected, found }
}

function hex(digits: string): number {
  return Number.parseInt(digits, 16)
}
