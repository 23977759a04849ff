import { firstDifference, type RecordedCall, type RecordedValue, type Recording } from '@vfiokit/host'
import { expect, test } from 'vitest'

const start = { strategy: 'unmap-range', seed: 1, kernel: '7.2' }

function calls(count: number, change: Readonly<Record<number, Partial<RecordedCall>>> = {}): RecordedCall[] {
  return Array.from({ length: count }, (_, at) => ({
    call: at + 1,
    provider: 'card',
    member: 'read',
    arguments: [at],
    answer: null,
    ...change[at + 1],
  }))
}

function recordingOf(list: readonly RecordedCall[], verdict = 'ok'): Recording {
  return { scenario: 's.yaml', runs: [{ start, calls: list, verdict }] }
}

test('equal recordings differ in nothing, whatever the scenario is called', () => {
  expect(
    firstDifference(recordingOf(calls(3)), { ...recordingOf(calls(3)), scenario: 'other' }),
  ).toBeUndefined()
})

test('the order of keys is none: objects are the same', () => {
  const answer = (value: RecordedValue) => recordingOf(calls(1, { 1: { answer: value } }))
  const one = { sizeBytes: 8, kind: { vendor: 1, subtype: 2 } }
  const other = { kind: { subtype: 2, vendor: 1 }, sizeBytes: 8 }
  expect(firstDifference(answer(one), answer(other))).toBeUndefined()
  expect(firstDifference(answer([one, 1]), answer([1, one]))).toMatchObject({ call: 1 })
})

test('the first call that differs, by part, with three calls on each side', () => {
  const found = firstDifference(
    recordingOf(calls(9)),
    recordingOf(calls(9, { 5: { answer: 7 }, 6: { answer: 8 } })),
  )
  expect(found).toMatchObject({ run: 0, call: 5, parts: [{ part: 'answer', expected: null, found: 7 }] })
  expect(found!.before.map(({ call }) => call)).toEqual([2, 3, 4])
  expect(found!.after.expected.map(({ call }) => call)).toEqual([6, 7, 8])
  expect(found!.after.found.map(({ answer }) => answer)).toEqual([8, null, null])
})

test('a run that makes fewer or more calls differs where the shorter one ends', () => {
  const less = firstDifference(recordingOf(calls(3)), recordingOf(calls(2)))
  expect(less).toMatchObject({ call: 3, expected: { call: 3 } })
  expect(less!.found).toBeUndefined()
  const more = firstDifference(recordingOf(calls(2)), recordingOf(calls(3)))
  expect(more).toMatchObject({ call: 3, found: { call: 3 } })
  expect(more!.expected).toBeUndefined()
})

test('a run that is started otherwise, is missing, or comes to another verdict', () => {
  const own = recordingOf(calls(1))
  const other = { ...own, runs: [{ ...own.runs[0]!, start: { ...start, seed: 2 } }] }
  expect(firstDifference(own, other)).toMatchObject({
    run: 0,
    parts: [{ part: 'seed', expected: 1, found: 2 }],
  })
  expect(firstDifference({ ...own, runs: [...own.runs, ...own.runs] }, own)!.run).toBe(1)
  expect(firstDifference(own, recordingOf(calls(1), 'failed'))!.parts).toEqual([
    { part: 'verdict', expected: 'ok', found: 'failed' },
  ])
})
