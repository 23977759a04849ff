/**
 * Checks of the YAML files that the documentation shows, by kind: the word after `vfiokit:`, so `host` for
 * `vfiokit: host/1`. A checker returns one message for each defect, none for a good file.
 * As soon as there is one checker, a block of a kind without a checker fails.
 */
import { ConfigError, parseHost, parseScenario } from '../../packages/host/src/index.ts'

export type YamlChecker = (text: string, file: string) => Promise<readonly string[]> | readonly string[]

export const yamlCheckers: Readonly<Record<string, YamlChecker>> = {
  host: (text, file) => defectsOf(() => parseHost(text, file)),
  scenario: (text, file) => defectsOf(() => parseScenario(text, file)),
}

function defectsOf(parse: () => unknown): readonly string[] {
  try {
    parse()
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n')
    throw error
  }
}

/** The kind a block says it is. */
export function kindOf(text: string): string {
  return /^\s*vfiokit:\s*['"]?([\w-]*)/.exec(text)?.[1] ?? ''
}
