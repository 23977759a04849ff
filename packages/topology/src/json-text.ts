/**
 * JSON text with a place for its syntax error: `JSON.parse` says where only in some versions and for some errors.
 */
export type JsonResult =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly message: string; readonly line: number; readonly column: number }

export function parseJson(text: string): JsonResult {
  try {
    return { ok: true, value: JSON.parse(text) }
  } catch (error) {
    const before = text.slice(0, firstError(text)).split('\n')
    const position = { line: before.length, column: before.at(-1)!.length + 1 }
    return { ok: false, message: (error as SyntaxError).message, ...position }
  }
}

const SPACE = /[ \t\r\n]*/y
/** A complete string, number or word; its own errors are found where it starts. */
const SCALAR =
  /"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/uy
const STRING = /^"/

/** What may come next. `key!`: a key that must come, after a comma. */
type State = 'value' | 'first-value' | 'key' | 'key!' | 'colon' | 'after'

/** Offset of the first character that cannot belong to a JSON text. Walks without recursion, once. */
function firstError(text: string): number {
  const open: ('[' | '{')[] = []
  let state: State = 'value'
  let offset = 0
  for (;;) {
    SPACE.lastIndex = offset
    offset += SPACE.exec(text)?.[0].length ?? 0
    const character = text[offset]
    if (character === undefined) return offset
    const step = nextStep(text, offset, character, state, open)
    if (step === undefined) return offset
    state = step.state
    offset += step.length
  }
}

function nextStep(
  text: string,
  offset: number,
  character: string,
  state: State,
  open: ('[' | '{')[],
): { state: State; length: number } | undefined {
  const inner = open.at(-1)
  if ((state === 'value' || state === 'first-value') && (character === '[' || character === '{')) {
    open.push(character)
    return { state: character === '[' ? 'first-value' : 'key', length: 1 }
  }
  const mayClose = state === 'after' || state === 'first-value' || state === 'key'
  if (mayClose && inner !== undefined && character === (inner === '[' ? ']' : '}')) {
    open.pop()
    return { state: 'after', length: 1 }
  }
  if (state === 'after') {
    if (character !== ',' || inner === undefined) return undefined
    return { state: inner === '[' ? 'value' : 'key!', length: 1 }
  }
  if (state === 'colon') return character === ':' ? { state: 'value', length: 1 } : undefined
  SCALAR.lastIndex = offset
  const scalar = SCALAR.exec(text)?.[0]
  if (scalar === undefined) return undefined
  if (state !== 'key' && state !== 'key!') return { state: 'after', length: scalar.length }
  return STRING.test(scalar) ? { state: 'colon', length: scalar.length } : undefined
}
