/**
 * Finds the code that the documentation shows: fenced blocks in Markdown and in docstrings.
 *
 * | fence | what happens with it |
 * |---|---|
 * | ts | compiled and run; `// => text` is what it must print |
 * | ts no-run | compiled only |
 * | the text of an @example tag that has no fence | as ts |
 * | yaml that begins with `vfiokit:` | given to the checker of its kind |
 * | anything else | left alone |
 */

export interface Example {
  readonly file: string
  /** The first line of the code in `file`, from 1. */
  readonly line: number
  readonly language: 'ts' | 'yaml'
  readonly run: boolean
  readonly code: string
}

interface Line {
  readonly number: number
  readonly text: string
}

const FENCE = /^\s*(`{3,}|~{3,})\s*(.*?)\s*$/
const TAG = /^\s*@\w/
const EXAMPLE = /^\s*@example\b ?(.*)$/
const LANGUAGES: Readonly<Record<string, Example['language']>> = {
  ts: 'ts',
  typescript: 'ts',
  yaml: 'yaml',
  yml: 'yaml',
}

/** The examples of a Markdown file. */
export function examplesOfMarkdown(file: string, text: string): Example[] {
  return examplesOfLines(file, numbered(text, 1))
}

/** The examples in the docstrings of a TypeScript file. */
export function examplesOfSource(file: string, text: string): Example[] {
  return docstrings(text)
    .flatMap(sections)
    .flatMap((lines) => examplesOfSection(file, lines))
}

function numbered(text: string, first: number): Line[] {
  return text.split('\n').map((line, index) => ({ number: first + index, text: line.replace(/\r$/, '') }))
}

function docstrings(text: string): Line[][] {
  return [...text.matchAll(/\/\*\*[\s\S]*?\*\//g)].map((match) => {
    const first = text.slice(0, match.index).split('\n').length
    return numbered(match[0].replace(/\*\/$/, ''), first).map(({ number, text }) => ({
      number,
      text: text.replace(/^\s*\/?\*+ ?/, ''),
    }))
  })
}

/** A docstring cut before each of its tags; an `@` inside a fence is no tag. */
function sections(lines: readonly Line[]): Line[][] {
  const found: Line[][] = [[]]
  let fenced = false
  for (const line of lines) {
    if (FENCE.test(line.text)) fenced = !fenced
    if (!fenced && TAG.test(line.text)) found.push([])
    found.at(-1)!.push(line)
  }
  return found
}

/** The text of an `@example` without a fence is code, as it is for typedoc. */
function examplesOfSection(file: string, lines: readonly Line[]): Example[] {
  const tag = EXAMPLE.exec(lines[0]?.text ?? '')
  if (!tag || lines.some(({ text }) => FENCE.test(text))) return examplesOfLines(file, lines)
  const body = [{ number: lines[0]!.number, text: tag[1]! }, ...lines.slice(1)]
  const code = body.slice(body.findIndex(({ text }) => text.trim() !== ''))
  return [exampleOf(file, code, 'ts', [])].filter((example) => example !== undefined)
}

function examplesOfLines(file: string, lines: readonly Line[]): Example[] {
  const found: Example[] = []
  for (let at = 0; at < lines.length; at++) {
    const fence = FENCE.exec(lines[at]!.text)
    if (!fence) continue
    const end = lines.findIndex((line, index) => index > at && closes(line.text, fence[1]!))
    const body = lines.slice(at + 1, end < 0 ? lines.length : end)
    const [language, ...flags] = fence[2]!.split(/\s+/)
    const example = exampleOf(file, body, LANGUAGES[language!], flags)
    if (example) found.push(example)
    at += body.length + 1
  }
  return found
}

function closes(text: string, fence: string): boolean {
  const found = FENCE.exec(text)
  return found !== null && found[2] === '' && found[1]!.startsWith(fence)
}

function exampleOf(
  file: string,
  body: readonly Line[],
  language: Example['language'] | undefined,
  flags: readonly string[],
): Example | undefined {
  if (language === undefined || body.length === 0) return undefined
  const code = body.map(({ text }) => text).join('\n')
  if (language === 'yaml' && !code.trimStart().startsWith('vfiokit:')) return undefined
  return { file, line: body[0]!.number, language, run: !flags.includes('no-run'), code }
}
