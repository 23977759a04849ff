/** Reads a topology that was written as JSON: every JSON text is YAML, so the reader of that format does it. */
import type { TopologyReader } from './topology-reader.ts'
import { yamlReader } from './yaml.ts'

export const jsonReader: TopologyReader = {
  format: 'json',
  recognises(text) {
    return /^\s*\{/.test(text) && /"vfiokit"\s*:\s*"topology\//.test(text)
  },
  read(text, source) {
    return yamlReader.read(text, source)
  },
}
