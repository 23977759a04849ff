/**
 * How deep YAML text nests, from its tokens alone. The composer recurses, and near the end of the stack V8 can end
 * the whole process instead of throwing, so text is measured before it is composed.
 */
import { Lexer } from 'yaml'

const SCALAR_FOLLOWS = '\u001f'
const FLOW_START = /^[[{]$/
const FLOW_END = /^[\]}]$/
const SPACE = /^[ \t]+$/
/** Byte order mark, start of a document, start of a flow error: they have no width. */
const MARKS: ReadonlySet<string> = new Set(['\ufeff', '\u0002', '\u0018'])

/** Columns of the block collections that are open, innermost last. */
class BlockStack {
  readonly #columns: number[] = []

  open(column: number): void {
    while (this.#columns.length > 0 && this.#columns.at(-1)! >= column) this.#columns.pop()
    this.#columns.push(column)
  }

  /** A list may stand at the column of the map above it, so a column counts for two. */
  get depth(): number {
    return 2 * this.#columns.length
  }
}

/** Offset of the first token that may lie deeper than `max`; undefined when there is none. Linear. */
export function tooDeepAt(text: string, max: number): number | undefined {
  const blocks = new BlockStack()
  let flow = 0
  let offset = 0
  let lineStart = 0
  /** Column of the first thing on the line, or after the last `-` or `?`. */
  let content: number | undefined
  let isScalar = false
  for (const token of new Lexer().lex(text)) {
    if (token === SCALAR_FOLLOWS || MARKS.has(token)) {
      isScalar = token === SCALAR_FOLLOWS
      continue
    }
    const column = offset - lineStart
    if (isScalar) content ??= column
    else if (FLOW_START.test(token)) flow += 1
    else if (FLOW_END.test(token)) flow -= 1
    else if (flow === 0 && (token === '-' || token === '?')) blocks.open(column)
    else if (flow === 0 && token === ':') blocks.open(content ?? column)
    if (flow + blocks.depth > max) return offset
    content = nextContent(token, isScalar, content, column)
    isScalar = false
    offset += token.length
    const newline = token.lastIndexOf('\n')
    if (newline >= 0) {
      lineStart = offset - (token.length - newline - 1)
      content = undefined
    }
  }
  return undefined
}

function nextContent(
  token: string,
  isScalar: boolean,
  before: number | undefined,
  column: number,
): number | undefined {
  if (isScalar) return before
  if (token === '-' || token === '?') return undefined
  return SPACE.test(token) ? before : (before ?? column)
}
