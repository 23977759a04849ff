/** Input that cannot be worked with: a script, a trace, a golden folder. One line a defect. */

/** What is wrong at one place. */
export interface InputDefect {
  readonly file: string
  /** From 1; undefined: the file as a whole. */
  readonly line?: number
  readonly expected: string
  readonly found: string
}

/** Thrown before anything runs. */
export class InputError extends Error {
  override readonly name = 'InputError'

  constructor(readonly defects: readonly InputDefect[]) {
    super(defects.map(defectText).join('\n'))
  }
}

/** Longer findings are cut: a damaged line can be a whole file. */
const FOUND_MAX = 80

function defectText({ file, line, expected, found }: InputDefect): string {
  const place = line === undefined ? file : `${file}:${line}`
  const shown = found.length > FOUND_MAX ? `${found.slice(0, FOUND_MAX)}...` : found
  return `${place}: expected ${expected}, found ${shown}`
}
