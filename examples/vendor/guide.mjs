/** What a guide shows: files, each a line with nothing but a name in backticks and the file in a fence; recordings. */

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
