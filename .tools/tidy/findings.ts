/**
 * What the sources promise about their shape, checked file by file.
 *
 * | rule | promise |
 * |---|---|
 * | function-length | a function fits on a page: at most 70 lines |
 * | file-length | a file is at most 400 lines |
 * | vague-name | no file or folder is called utils, helpers, common, misc or types |
 * | against-the-flow | packages import each other only as the table in layers.mjs says |
 * | class-of-a-copy | what a plugin may have made with a copy of its own is not told by `instanceof` |
 * | todo-without-number | a to-do says where it is tracked: TODO(#12) |
 * | line-width | no line is over 120 columns, long strings and addresses aside (the formatter keeps code at 110) |
 */
import { basename } from 'node:path'
import ts from 'typescript'
import { descendants, importsOf, parse } from '../imports.ts'
import { layerOfFile, layerOfImport, MAY_BE_COPIED, MAY_IMPORT } from '../layers.mjs'

export const MAX_FUNCTION_LINES = 70
export const MAX_FILE_LINES = 400
export const MAX_COLUMNS = 120
/** An address, or what an example prints: both stand on one line. */
const UNBREAKABLE = /https:\/\/|\/\/ =>/
const VAGUE = /^(utils?|helpers?|common|misc|types?)$/
const MARKS = ['TODO', 'FIXME']
const LOOSE_MARK = new RegExp(`(?://|\\*).*?\\b(${MARKS.join('|')})\\b(?!\\(#\\d+\\))`)

export interface Finding {
  readonly file: string
  readonly line: number
  readonly rule: string
  readonly message: string
}

type Rule = (source: ts.SourceFile) => Iterable<Omit<Finding, 'file' | 'rule'>>

const rules: Readonly<Record<string, Rule>> = {
  'function-length': longFunctions,
  'file-length': longFile,
  'vague-name': vagueNames,
  'against-the-flow': importsAgainstTheFlow,
  'class-of-a-copy': classesOfCopies,
  'todo-without-number': looseTodos,
  'line-width': wideLines,
}

/** Everything that is wrong with one file, in the order of the rules. */
export function findings(file: string, text: string): Finding[] {
  const source = parse(file, text)
  return Object.entries(rules).flatMap(([rule, check]) =>
    [...check(source)].map(({ line, message }) => ({ file, line, rule, message })),
  )
}

/** One line of a report: `packages/a/src/b.ts:12 function-length: parse has 71 lines, at most 70`. */
export function describeFinding({ file, line, rule, message }: Finding): string {
  return `${file}:${line} ${rule}: ${message}`
}

function lineAt(source: ts.SourceFile, position: number): number {
  return source.getLineAndCharacterOfPosition(position).line + 1
}

function* longFunctions(source: ts.SourceFile): ReturnType<Rule> {
  for (const node of descendants(source)) {
    if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) continue
    const first = lineAt(source, node.getStart(source))
    const lines = lineAt(source, node.end) - first + 1
    if (lines <= MAX_FUNCTION_LINES) continue
    const name = node.name?.getText(source) ?? 'a function'
    yield { line: first, message: `${name} has ${lines} lines, at most ${MAX_FUNCTION_LINES}` }
  }
}

function* longFile(source: ts.SourceFile): ReturnType<Rule> {
  const lines = source.text.replace(/\n$/, '').split('\n').length
  if (lines > MAX_FILE_LINES) yield { line: lines, message: `${lines} lines, at most ${MAX_FILE_LINES}` }
}

function* vagueNames(source: ts.SourceFile): ReturnType<Rule> {
  const folders = source.fileName.split('/').slice(0, -1)
  for (const name of [...folders, basename(source.fileName).replace(/\..*$/, '')]) {
    if (VAGUE.test(name)) yield { line: 1, message: `"${name}" does not say what is in it` }
  }
}

function* importsAgainstTheFlow(source: ts.SourceFile): ReturnType<Rule> {
  const from = layerOfFile(source.fileName)
  if (from === undefined) return
  for (const { name, line } of importsOf(source)) {
    const to = layerOfImport(name)
    if (to === undefined || to === from || MAY_IMPORT[from]?.includes(to)) continue
    yield { line, message: `${from} may not import ${name} (the table is in .tools/layers.mjs)` }
  }
}

function* classesOfCopies(source: ts.SourceFile): ReturnType<Rule> {
  const layers = layersOfNames(source)
  for (const node of descendants(source)) {
    if (!ts.isBinaryExpression(node) || node.operatorToken.kind !== ts.SyntaxKind.InstanceOfKeyword) continue
    const name = node.right.getText(source)
    if (!MAY_BE_COPIED.includes(layers.get(name) ?? '')) continue
    const message = `${name} has other classes in other copies of its package: ask for its kind`
    yield { line: lineAt(source, node.right.getStart(source)), message }
  }
}

/** Imported names, each with the layer that it comes from. */
function layersOfNames(source: ts.SourceFile): ReadonlyMap<string, string | undefined> {
  const imports = source.statements.filter((statement) => ts.isImportDeclaration(statement))
  return new Map(
    imports.flatMap(({ importClause, moduleSpecifier }) => {
      const from = (moduleSpecifier as ts.StringLiteral).text
      const layer = from.startsWith('.') ? layerOfFile(source.fileName) : layerOfImport(from)
      const names = importClause?.namedBindings
      const named = names !== undefined && ts.isNamedImports(names) ? names.elements : []
      return named.map(({ name }) => [name.text, layer] as const)
    }),
  )
}

function* looseTodos(source: ts.SourceFile): ReturnType<Rule> {
  for (const [index, text] of source.text.split('\n').entries()) {
    const mark = LOOSE_MARK.exec(text)?.[1]
    if (mark) yield { line: index + 1, message: `${mark} needs the number of an issue: ${mark}(#12)` }
  }
}

function* wideLines(source: ts.SourceFile): ReturnType<Rule> {
  const lines = source.text.split('\n')
  if (!lines.some((text) => text.length > MAX_COLUMNS)) return
  const allowed = linesEndingInLiterals(source)
  for (const [index, text] of lines.entries()) {
    if (text.length <= MAX_COLUMNS || allowed.has(index + 1) || UNBREAKABLE.test(text)) continue
    yield { line: index + 1, message: `${text.length} columns, at most ${MAX_COLUMNS}` }
  }
}

/** Lines that a string, template or regular expression makes wide: the formatter cannot break those. */
function linesEndingInLiterals(source: ts.SourceFile): Set<number> {
  const allowed = new Set<number>()
  for (const node of descendants(source)) {
    const literal =
      ts.isStringLiteral(node) || ts.isTemplateLiteral(node) || ts.isRegularExpressionLiteral(node)
    if (!literal) continue
    const first = lineAt(source, node.getStart(source))
    const last = source.getLineAndCharacterOfPosition(node.end)
    // Of the literal's own lines only the last can have something else at its end.
    for (let line = first; line <= last.line; line++) allowed.add(line)
    if (last.character > MAX_COLUMNS) allowed.add(last.line + 1)
  }
  return allowed
}
