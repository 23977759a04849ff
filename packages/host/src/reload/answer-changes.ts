/** What is different between two answers of a plugin's `open`, in words, and whether an open device can take it. */
import { isHooks, membersOf } from '../hooks/hooks.ts'
import { RecordedValues } from '../recording/recorded-value.ts'

/** A difference. */
export interface AnswerChange {
  /** `region 10: write is new`. */
  readonly text: string
  /** Why only a host that opens the device anew can have it. */
  readonly needsOpen?: string
}

/** What regions have beside members. */
interface RegionLike {
  readonly sizeBytes?: unknown
  readonly backing?: unknown
}

/**
 * @param name - What messages call the n-th element of a list: `region 9`.
 * @returns nothing when only the code differs.
 */
export function answerChanges(before: unknown, after: unknown, name: (at: number) => string): AnswerChange[] {
  if (!Array.isArray(before) || !Array.isArray(after)) return otherChanges(before, after)
  const count = Math.max(before.length, after.length)
  return Array.from({ length: count }, (_, at) => regionChanges(before[at], after[at], name(at))).flat()
}

const INDEXES = 'region indexes are given when a device is opened'

function regionChanges(before: unknown, after: unknown, name: string): AnswerChange[] {
  if (before === undefined) return [{ text: `${name} is new: ${regionText(after)}`, needsOpen: INDEXES }]
  if (after === undefined) return [{ text: `${name} is gone: ${regionText(before)}`, needsOpen: INDEXES }]
  return [
    ...backingChanges(before as RegionLike, after as RegionLike, name),
    ...sizeChanges(before as RegionLike, after as RegionLike, name),
    ...memberChanges(before as object, after as object, name),
    ...dataChanges(before as object, after as object, name),
  ]
}

/** A mapping is admitted as what the pages were: whether they go with the memory of the device. */
function backingChanges(before: RegionLike, after: RegionLike, name: string): AnswerChange[] {
  if (before.backing === after.backing) return []
  const text = `${name} is backed by ${after.backing ?? 'nothing'}, was ${before.backing ?? 'nothing'}`
  return [{ text, needsOpen: 'what backs pages is settled when they are mapped' }]
}

/** What a reset takes away is noted when the device is opened. */
function sizeChanges(
  { sizeBytes: was, backing }: RegionLike,
  after: RegionLike,
  name: string,
): AnswerChange[] {
  const is = after.sizeBytes
  if (was === is) return []
  const text = `${name} has ${is} bytes, had ${was}`
  if (backing !== 'bar') return [{ text }]
  return [{ text, needsOpen: 'which pages of a BAR a reset takes away is noted when the device is opened' }]
}

function memberChanges(before: object, after: object, name: string): AnswerChange[] {
  const [was, is] = [membersOf(before), membersOf(after)]
  return [
    ...is.filter((member) => !was.includes(member)).map((member) => ({ text: `${name}: ${member} is new` })),
    ...was.filter((member) => !is.includes(member)).map((member) => ({ text: `${name}: ${member} is gone` })),
  ]
}

const TOLD_ABOVE: ReadonlySet<string> = new Set(['sizeBytes', 'backing'])

/** Whatever else a region says of itself; objects inside that have members are compared as a whole. */
function dataChanges(before: object, after: object, name: string): AnswerChange[] {
  const [was, is] = [dataOf(before), dataOf(after)]
  return [...new Set([...was.keys(), ...is.keys()])]
    .filter((key) => was.get(key) !== is.get(key))
    .map((key) => ({
      text: `${name}: ${key} is ${is.get(key) ?? 'nothing'}, was ${was.get(key) ?? 'nothing'}`,
    }))
}

function dataOf(value: object): Map<string, string> {
  const shown = new RecordedValues('size')
  return new Map(
    Object.entries(value)
      .filter(([key, each]) => typeof each !== 'function' && each !== undefined && !TOLD_ABOVE.has(key))
      .map(([key, each]) => [key, JSON.stringify(shown.of(each))]),
  )
}

/** Anything that is no list: the same members and data, or the device has to be opened anew. */
function otherChanges(before: unknown, after: unknown): AnswerChange[] {
  const shape = (value: unknown) => JSON.stringify(new RecordedValues('size').of(value))
  if (shape(before) === shape(after)) return []
  const members = isHooks(before) && isHooks(after) ? memberChanges(before, after, 'device') : []
  const changes = members.length > 0 ? members : [{ text: 'device: other data or members inside' }]
  return changes.map((each) => ({ ...each, needsOpen: 'hooks of a device are taken over when it is opened' }))
}

function regionText(region: unknown): string {
  const { sizeBytes, backing } = region as RegionLike
  return `${sizeBytes} bytes, ${backing === undefined ? 'trapped' : `mappable, backed by ${backing}`}`
}
