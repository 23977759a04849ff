/** Runs of configuration bytes that differ. Internal to the diff. */
import type { ConfigSpace } from '../config-space.ts'
import { hexByte } from '../hex-bytes.ts'
import type { FieldChange } from './field-change.ts'

/** One change for each run; `..` is a byte that is not known. */
export function byteChanges(before: ConfigSpace, after: ConfigSpace): readonly FieldChange[] {
  const [old, now] = [before.bytes, after.bytes]
  const size = Math.max(old.length, now.length)
  const text = (config: ConfigSpace, bytes: Uint8Array, offset: number): string =>
    config.has(offset, 1) ? hexByte(bytes[offset]!) : '..'
  const changes: FieldChange[] = []
  for (let start = 0; start < size; start += 1) {
    let end = start
    const run: { before: string[]; after: string[] } = { before: [], after: [] }
    while (end < size && text(before, old, end) !== text(after, now, end)) {
      run.before.push(text(before, old, end))
      run.after.push(text(after, now, end))
      end += 1
    }
    if (end === start) continue
    const field = `config@${start.toString(16)}`
    changes.push({ field, before: run.before.join(' '), after: run.after.join(' ') })
    start = end
  }
  return changes
}
