/** Edits as people type them: `move 01:00.0 to 00:02.0`, `vfs 01:00.0=4`, `acs 00:01.0=+SV-RR`. */
import { Bdf } from '../bdf.ts'
import { closestName } from '../closest-name.ts'
import type { Diagnostic } from '../diagnostic.ts'
import {
  ACS_CONTROLS,
  type AcsControl,
  type AcsControls,
  type EditPlace,
  type TopologyEdit,
} from './topology-edit.ts'

export type ParsedEdit =
  | { readonly ok: true; readonly edit: TopologyEdit }
  | { readonly ok: false; readonly diagnostic: Diagnostic }

/** Short names, in the order of the bits, and those that lspci prints. */
const SHORT = ['SV', 'TB', 'RR', 'CR', 'UF', 'EC', 'DT'] as const
const LSPCI = [
  'SrcValid',
  'TransBlk',
  'ReqRedir',
  'CmpltRedir',
  'UpstreamFwd',
  'EgressCtrl',
  'DirectTrans',
] as const

const CONTROL_BY_NAME: ReadonlyMap<string, AcsControl> = new Map(
  ACS_CONTROLS.flatMap((control, bit) =>
    [SHORT[bit]!, LSPCI[bit]!, control].map((name) => [name.toLowerCase(), control] as const),
  ),
)

/** What is wrong with a text, and where in it. */
class Malformed extends Error {
  readonly expected: string
  readonly found: string

  constructor(expected: string, found: string) {
    super(`expected ${expected}`)
    this.expected = expected
    this.found = found
  }
}

const FORMS: Readonly<
  Record<string, { readonly form: string; readonly parse: (rest: string) => TopologyEdit }>
> = {
  remove: {
    form: 'remove ADDRESS, or remove slot NAME',
    parse: (rest) => ({ kind: 'remove', target: place(rest) }),
  },
  add: { form: 'add ADDRESS=VVVV:DDDD, or add ADDRESS=VVVV:DDDD class CCCCCC', parse: parseAdd },
  move: {
    form: 'move ADDRESS to BRIDGE, or with slot NAME for either',
    parse: (rest) => {
      const [card, to] = halves(rest, /\s+to\s+/i, "'to' between the card and where it goes")
      return { kind: 'move', card: place(card), to: place(to) }
    },
  },
  vfs: {
    form: 'vfs ADDRESS=COUNT',
    parse: (rest) => {
      const [physical, count] = halves(rest, /\s*=\s*/, "'=' and a number of virtual functions")
      if (!/^\d{1,5}$/.test(count)) throw new Malformed('a number of virtual functions', count)
      return { kind: 'vfs', physical: address(physical), count: Number(count) }
    },
  },
  acs: {
    form: `acs ADDRESS=+SV-RR (of ${SHORT.join(', ')})`,
    parse: (rest) => {
      const [port, controls] = halves(rest, /\s*=\s*/, "'=' and controls such as +SV or -RR")
      return { kind: 'acs', port: address(port), controls: parseControls(controls) }
    },
  },
  driver: {
    form: 'driver ADDRESS=NAME, or driver ADDRESS=none',
    parse: (rest) => {
      const [bdf, name] = halves(rest, /\s*=\s*/, "'=' and the name of a driver")
      return { kind: 'driver', function: address(bdf), driver: name === 'none' ? undefined : driver(name) }
    },
  },
  bind: {
    form: 'bind ADDRESS to DRIVER',
    parse: (rest) => {
      const [bdf, name] = halves(rest, /\s+to\s+/i, "'to' and the name of a driver")
      return { kind: 'driver', function: address(bdf), driver: driver(name) }
    },
  },
  unbind: {
    form: 'unbind ADDRESS',
    parse: (rest) => ({ kind: 'driver', function: address(rest), driver: undefined }),
  },
}

/**
 * @example
 * import { formatDiagnostic, parseEdit } from '@vfiokit/topology'
 * const parsed = parseEdit('vfs 01:00.0=many')
 * console.log(parsed.ok ? parsed.edit.kind : formatDiagnostic(parsed.diagnostic))
 * // => error: 'vfs 01:00.0=many' is not an edit: vfs ADDRESS=COUNT (expected a number of virtual functions, found 'many') [edit-malformed]
 */
export function parseEdit(text: string): ParsedEdit {
  const [, verb = '', rest = ''] = /^\s*(\S*)\s*(.*?)\s*$/s.exec(text) ?? []
  const form = Object.hasOwn(FORMS, verb) ? FORMS[verb] : undefined
  if (form === undefined) {
    const known = Object.keys(FORMS)
    const guess = closestName(verb, known)
    const hint = guess === undefined ? '' : `: did you mean '${guess}'?`
    return malformed(text, hint, `one of ${known.join(', ')}`, verb)
  }
  try {
    return { ok: true, edit: form.parse(rest) }
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    return malformed(text, `: ${form.form}`, error.expected, error.found)
  }
}

function malformed(text: string, hint: string, expected: string, word: string): ParsedEdit {
  const message = `'${text.trim()}' is not an edit${hint}`
  const found = word === '' ? 'nothing' : `'${word}'`
  return { ok: false, diagnostic: { severity: 'error', code: 'edit-malformed', message, expected, found } }
}

/** The text that {@link parseEdit} reads as the same edit; of an added function it has ids and class only. */
export function formatEdit(edit: TopologyEdit): string {
  switch (edit.kind) {
    case 'remove':
      return `remove ${formatPlace(edit.target)}`
    case 'add':
      return `add ${formatAdded(edit.function)}`
    case 'move':
      return `move ${formatPlace(edit.card)} to ${formatPlace(edit.to)}`
    case 'vfs':
      return `vfs ${edit.physical}=${edit.count}`
    case 'acs':
      return `acs ${edit.port}=${formatControls(edit.controls)}`
    case 'driver':
      return `driver ${edit.function}=${edit.driver ?? 'none'}`
  }
}

function halves(text: string, separator: RegExp, expected: string): readonly [string, string] {
  const match = separator.exec(text)
  if (match === null) throw new Malformed(expected, text)
  return [text.slice(0, match.index).trim(), text.slice(match.index + match[0].length).trim()]
}

function address(text: string): Bdf {
  const bdf = Bdf.tryParse(text)
  if (bdf === undefined) throw new Malformed('an address, [domain:]bus:device.function', text)
  return bdf
}

function place(text: string): EditPlace {
  const slot = /^slot\s+(.+)$/is.exec(text)
  if (slot !== null) return { slot: slot[1]! }
  const bdf = Bdf.tryParse(text)
  if (bdf === undefined)
    throw new Malformed("an address, [domain:]bus:device.function, or 'slot' and a name", text)
  return bdf
}

function driver(name: string): string {
  if (!/^[^\s=/]+$/.test(name)) throw new Malformed('the name of a driver', name)
  return name
}

function parseAdd(rest: string): TopologyEdit {
  const [bdf, ids] = halves(rest, /\s*=\s*/, "'=' and two ids, VVVV:DDDD")
  const match = /^([0-9a-f]{4}):([0-9a-f]{4})(?:\s+class\s+(?:0x)?([0-9a-f]{6}))?$/i.exec(ids)
  if (match === null) throw new Malformed('two ids, VVVV:DDDD, and perhaps class CCCCCC', ids)
  const number = (digits: string): number => Number.parseInt(digits, 16)
  const identity = { bdf: address(bdf), vendorId: number(match[1]!), deviceId: number(match[2]!) }
  return {
    kind: 'add',
    function: match[3] === undefined ? identity : { ...identity, classCode: number(match[3]) },
  }
}

function parseControls(text: string): AcsControls {
  const controls: Partial<Record<AcsControl, boolean>> = {}
  const words = text.match(/[+-][^+-]*/g)?.map((word) => word.trim()) ?? []
  if (text === '' || !/^[+-]/.test(text)) throw new Malformed('controls such as +SV or -RR', text)
  for (const word of words) {
    const control = CONTROL_BY_NAME.get(word.slice(1).trim().toLowerCase())
    if (control === undefined) throw new Malformed(`+ or - and one of ${SHORT.join(', ')}`, word)
    controls[control] = word.startsWith('+')
  }
  return controls
}

function formatPlace(target: EditPlace): string {
  return typeof target === 'string' ? target : `slot ${target.slot}`
}

function formatControls(controls: AcsControls): string {
  return ACS_CONTROLS.map((control, bit) => {
    if (controls[control] === undefined) return ''
    return `${controls[control] ? '+' : '-'}${SHORT[bit]}`
  }).join('')
}

function formatAdded(input: Extract<TopologyEdit, { kind: 'add' }>['function']): string {
  const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')
  const ids = `${hex(input.vendorId ?? 0xffff, 4)}:${hex(input.deviceId ?? 0xffff, 4)}`
  const kind = input.classCode === undefined ? '' : ` class ${hex(input.classCode, 6)}`
  return `${input.bdf}=${ids}${kind}`
}
