/** FieldChange: one named value that is not what it was. */

/** What can be written as JSON; null: not there, or not known. Addresses and ids are hexadecimal text. */
export type DiffValue = string | number | boolean | readonly string[] | null

export interface FieldChange {
  readonly field: string
  readonly before: DiffValue
  readonly after: DiffValue
}

/** Named values; undefined as null. */
export type Fields = Readonly<Record<string, DiffValue | undefined>>

/** Fields that differ: those of `before` in their order, then those that only `after` has. */
export function fieldChanges(before: Fields, after: Fields): readonly FieldChange[] {
  const changes: FieldChange[] = []
  for (const field in before) compare(changes, field, before[field], after[field])
  for (const field in after) if (!(field in before)) compare(changes, field, undefined, after[field])
  return changes
}

function compare(
  changes: FieldChange[],
  field: string,
  before: DiffValue | undefined,
  after: DiffValue | undefined,
): void {
  if (before === after || isSameList(before, after)) return
  changes.push({ field, before: before ?? null, after: after ?? null })
}

function isSameList(a: DiffValue | undefined, b: DiffValue | undefined): boolean {
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object')
    return (a ?? null) === (b ?? null)
  return a.length === b.length && a.every((item, index) => item === b[index])
}

/** Longer lists are cut in texts. */
const LIST_MAX = 6

export function listText(items: readonly string[]): string {
  if (items.length === 0) return 'none'
  const shown = items.slice(0, LIST_MAX).join(' ')
  return items.length > LIST_MAX ? `${shown} and ${items.length - LIST_MAX} more` : shown
}
