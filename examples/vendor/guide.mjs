/** The files that a guide shows: a line with nothing but a name in backticks, then the file in a fence. */

/**
 * @param {string} markdown
 * @returns {Map<string, string>} contents by name
 */
export function filesOf(markdown) {
  const shown = markdown.matchAll(/^`([\w.-]+)`\n\n```\w+\n([\s\S]*?)^```$/gm)
  return new Map([...shown].map(([, name, content]) => [name ?? '', content ?? '']))
}
