/** One operation of a script: a line, split into words. */

/** What a line of a script says; `OPERATIONS` says what each operation takes. */
export interface ScriptOperation {
  /** Line in the script, from 1. */
  readonly line: number
  readonly op: string
  /** The words behind the operation, as written. */
  readonly args: readonly string[]
}

/** The words of an operation, told apart. */
export interface OperationWords {
  readonly positional: readonly string[]
  /** `argsz=12` and the like. */
  readonly options: ReadonlyMap<string, string>
}

/** Words of the form `name=value` are options where the operation has an option of that name. */
export function splitWords(args: readonly string[], optionNames: readonly string[]): OperationWords {
  const positional: string[] = []
  const options = new Map<string, string>()
  for (const word of args) {
    const equals = word.indexOf('=')
    const name = word.slice(0, Math.max(equals, 0))
    if (optionNames.includes(name)) options.set(name, word.slice(equals + 1))
    else positional.push(word)
  }
  return { positional, options }
}
