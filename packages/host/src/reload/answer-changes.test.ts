import { expect, test } from 'vitest'
import { answerChanges } from './answer-changes.ts'

const name = (at: number) => `region ${9 + at}`
const read = () => {}

test('other code of the same shape is no change', () => {
  const region = () => ({ kind: { vendor: 1, subtype: 1 }, sizeBytes: 8, read: () => {} })
  expect(answerChanges([region()], [region()], name)).toEqual([])
  const device = () => ({ features: new Map([[7, { get: () => {} }]]), close: () => {} })
  expect(answerChanges(device(), device(), name)).toEqual([])
})

test('of regions: size, backing, members, and whatever else they say of themselves', () => {
  const before = { sizeBytes: 4096, read, backing: 'memory', fault: read, label: 'a' }
  const after = { sizeBytes: 8192, write: read, backing: 'bar', fault: read, sparse: [{ offset: 0 }] }
  expect(answerChanges([before], [after], name).map(({ text }) => text)).toEqual([
    'region 9 is backed by bar, was memory',
    'region 9 has 8192 bytes, had 4096',
    'region 9: write is new',
    'region 9: read is gone',
    'region 9: label is nothing, was "a"',
    'region 9: sparse is [{"offset":0}], was nothing',
  ])
})

test('what an open device cannot take says why', () => {
  const needs = (before: unknown, after: unknown) =>
    answerChanges(before, after, name).map(({ needsOpen }) => needsOpen)
  const bar = { sizeBytes: 4096, backing: 'bar', fault: read }
  expect(needs([bar], [bar, bar])).toEqual(['region indexes are given when a device is opened'])
  expect(needs([bar, bar], [bar])).toEqual(['region indexes are given when a device is opened'])
  expect(needs([bar], [{ ...bar, sizeBytes: 1 }])[0]).toContain('a reset takes away')
  expect(needs([bar], [{ ...bar, read }])).toEqual([undefined])
  expect(needs({ close: read }, { request: read })).toEqual(
    Array(2).fill('hooks of a device are taken over when it is opened'),
  )
  expect(needs({ bars: { 0: { read } } }, { bars: { 2: { read } } })).toHaveLength(1)
  expect(needs([], { close: read })).toHaveLength(1)
})
