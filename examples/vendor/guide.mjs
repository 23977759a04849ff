/** What a guide shows: files, each a line with nothing but a name in backticks and the file in a fence; recordings. */
import { changeOf } from '../researcher/guide.mjs'

/**
 * @param {string} markdown
 * @returns {Map<string, string>} contents by name
 */
export function filesOf(markdown) {
  const shown = markdown.matchAll(/^`([\w.-]+)`\n\n```\w+\n([\s\S]*?)^```$/gm)
  return new Map([...shown].map(([, name, content]) => [name ?? '', content ?? '']))
}

/**
 * The scripts of calls that a guide has recorded, with lines of what they print.
 *
 * @param {string} markdown
 * @returns {{ script: string, host: string, lines: string[] }[]}
 */
export function recordingsOf(markdown) {
  const shown = markdown.matchAll(
    /^npx vfiokit record (\S+) --host (\S+)\n```\n\n(?:(?!```)[\s\S])*```text\n([\s\S]*?)\n```$/gm,
  )
  return [...shown].map(([, script = '', host = '', text = '']) => ({
    script,
    host,
    lines: text.split('\n'),
  }))
}

/**
 * @typedef {{ readonly do: 'change', readonly name: string, readonly from: string, readonly to: string }
 *   | { readonly do: 'run', readonly commands: string, readonly lines: readonly string[] }} SectionStep
 */

/**
 * What a section has its reader do, in its order: changes of files (a name and a fence of diff), and commands (a fence of
 * sh), with lines of what they print when a fence of text comes next. Files that it shows are in {@link filesOf}.
 *
 * @param {string} markdown
 * @param {string} heading
 * @returns {SectionStep[]}
 */
export function stepsOfSection(markdown, heading) {
  const section = markdown.split(/^## /m).find((each) => each.startsWith(`${heading}\n`)) ?? ''
  const fences = [...section.matchAll(/^(?:`([\w./-]+)`\n\n)?```(\w+)\n([\s\S]*?)^```$/gm)]
  return fences.flatMap(([, name, language, text = ''], at) => {
    if (language === 'diff' && name !== undefined) return [changeOf(name, text)]
    if (language !== 'sh') return []
    const [, , next, printed = ''] = fences[at + 1] ?? []
    return [{ do: 'run', commands: text, lines: next === 'text' ? printed.trimEnd().split('\n') : [] }]
  })
}

/**
 * Lines that are not there, or not in this order.
 *
 * @param {readonly string[]} lines
 * @param {string} printed
 * @returns {string[]}
 */
export function missingLines(lines, printed) {
  const there = printed.split('\n')
  let from = 0
  return lines.filter((line) => {
    const at = there.indexOf(line, from)
    if (at >= 0) from = at + 1
    return at < 0
  })
}
