/** Where a command prints: results on one stream, everything else on the other. */

/** A stream that may be a terminal. */
export interface Output {
  write(text: string): unknown
  readonly isTTY?: boolean | undefined
  /** Width of a terminal. */
  readonly columns?: number | undefined
}

/** Both streams of a command, and its surroundings. */
export interface Terminal {
  /** Results. */
  readonly out: Output
  /** Diagnostics and progress. */
  readonly err: Output
  readonly env: Readonly<Record<string, string | undefined>>
}

const COLOURS = { red: 31, green: 32, yellow: 33, cyan: 36, bold: 1, dim: 2 } as const

/** What text can look like. */
export type Colour = keyof typeof COLOURS

/** Gives text a colour, or leaves it as it is. */
export type Paint = (colour: Colour, text: string) => string

/** Colours text for a stream: not in a pipe, and not when NO_COLOR is set to anything. */
export function painter({ out, env }: Terminal): Paint {
  const plain = out.isTTY !== true || (env.NO_COLOR ?? '') !== ''
  return (colour, text) => (plain ? text : `\u001b[${COLOURS[colour]}m${text}\u001b[0m`)
}

/** Lines of a terminal are cut to its width; a pipe gets all of them. */
export function cutToWidth(text: string, { out }: Terminal): string {
  const { columns } = out
  if (out.isTTY !== true || columns === undefined) return text
  return text
    .split('\n')
    .map((line) =>
      line.length <= columns || line.includes('\u001b') ? line : `${line.slice(0, columns - 1)}…`,
    )
    .join('\n')
}
