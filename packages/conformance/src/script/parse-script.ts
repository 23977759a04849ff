/** Reads a script: one operation a line, `#` begins a comment. */
import { type InputDefect, InputError } from '../input-error.ts'
import { type ScriptOperation, splitWords } from './operation.ts'
import { OPERATIONS, shapeOf, WORDS, type WordKind } from './operation-table.ts'

/** @throws InputError with every line that is no operation: what was expected there, and what was found. */
export function parseScript(text: string, file: string): readonly ScriptOperation[] {
  const operations: ScriptOperation[] = []
  const defects: InputDefect[] = []
  for (const [at, content] of text.split('\n').entries()) {
    const [op, ...args] = content.replace(/#.*/, '').trim().split(/\s+/)
    if (op === undefined || op === '') continue
    const operation = { line: at + 1, op, args }
    const defect = defectOf(operation)
    if (defect === undefined) operations.push(operation)
    else defects.push({ file, line: operation.line, ...defect })
  }
  if (defects.length > 0) throw new InputError(defects)
  return operations
}

type Defect = Pick<InputDefect, 'expected' | 'found'>

/** What is wrong with one operation; undefined: nothing. */
export function defectOf({ op, args }: ScriptOperation): Defect | undefined {
  const shape = shapeOf(op)
  if (shape === undefined)
    return { expected: `an operation: ${Object.keys(OPERATIONS).join(', ')}`, found: op }
  const { words, more = [], rest, options = [] } = shape
  const { positional } = splitWords(args, options)
  const kinds: readonly WordKind[] = [...words, ...more]
  for (const [at, word] of positional.entries()) {
    const kind = kinds[at] ?? rest
    if (kind === undefined) return { expected: `the end of ${op}${optionsText(options)}`, found: word }
    const { pattern, expected } = WORDS[kind]
    if (!pattern.test(word)) return { expected: `${expected} as word ${at + 1} of ${op}`, found: word }
  }
  const missing = words[positional.length]
  if (missing === undefined) return undefined
  return {
    expected: `${WORDS[missing].expected} as word ${positional.length + 1} of ${op}`,
    found: 'the end',
  }
}

function optionsText(options: readonly string[]): string {
  return options.length === 0 ? '' : `, or one of ${options.map((name) => `${name}=`).join(' ')}`
}
