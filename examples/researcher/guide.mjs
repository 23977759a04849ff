/**
 * What a guide tells its reader to do, in its order.
 *
 *   a name in backticks on a line of its own, then a fence   that file
 *   the same, with a fence of diff                           a change of that file
 *   a fence of console                                       commands behind "$ ", each with what it prints
 */

/**
 * @typedef {{ readonly do: 'write', readonly name: string, readonly content: string }
 *   | { readonly do: 'change', readonly name: string, readonly from: string, readonly to: string }
 *   | { readonly do: 'run', readonly command: string, readonly prints: string }} Step
 */

/**
 * @param {string} markdown
 * @returns {Step[]}
 */
export function stepsOf(markdown) {
  const fences = markdown.matchAll(/^(?:`([\w.-]+)`\n\n)?```(\w+)\n([\s\S]*?)^```$/gm)
  return [...fences].flatMap(([, name, language, text = '']) => {
    if (language === 'console') return commandsOf(text)
    if (name === undefined) return []
    return language === 'diff' ? [changeOf(name, text)] : [{ do: 'write', name, content: text }]
  })
}

/** @param {string} text @returns {Step[]} */
function commandsOf(text) {
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const [command = '', ...lines] = part.split('\n')
      return { do: 'run', command, prints: lines.join('\n').trim() }
    })
}

/** @param {string} name @param {string} text @returns {Extract<Step, { do: 'change' }>} */
export function changeOf(name, text) {
  const lines = text.split('\n')
  /** @param {string} left @returns {string} */
  const without = (left) =>
    lines
      .filter((line) => !line.startsWith(left))
      .map((line) => line.slice(1))
      .join('\n')
  return { do: 'change', name, from: without('+'), to: without('-') }
}

/**
 * @param {string} content
 * @param {{ readonly from: string, readonly to: string }} change
 * @returns {string}
 * @throws Error when there is not exactly one place that looks as before
 */
export function changed(content, { from, to }) {
  const parts = content.split(from)
  if (parts.length !== 2) throw new Error(`there are ${parts.length - 1} places that look like\n${from}`)
  return parts.join(to)
}

/** What a command printed, without what is another time each time: CPU seconds. @param {string} text */
export function withoutTimes(text) {
  const lines = text.split('\n').map((line) => line.trimEnd())
  return lines
    .join('\n')
    .trim()
    .replace(/\d+\.\d\d(?= +(?:exhaustive|bounded|sample|lockdep|liveness))/g, '#.##')
}
