/** A configuration space with some registers changed. */
import { ConfigSpace } from './config-space.ts'

export interface ConfigPatch {
  readonly offset: number
  readonly widthBytes: 1 | 2 | 4
  readonly value: number
}

/** A copy with the patches applied; bytes that are not known stay unknown. */
export function patchConfig(config: ConfigSpace, patches: readonly ConfigPatch[]): ConfigSpace {
  const { bytes } = config
  for (const { offset, widthBytes, value } of patches) {
    for (let index = 0; index < widthBytes; index += 1) {
      if (config.has(offset + index, 1)) bytes[offset + index] = Math.floor(value / 256 ** index) & 0xff
    }
  }
  return new ConfigSpace(bytes, config.holes)
}
