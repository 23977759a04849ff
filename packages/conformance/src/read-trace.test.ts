import { expect, test } from 'vitest'
import { readTrace, traceText } from './read-trace.ts'

const RECORD = '{"i":0,"line":1,"op":"close","args":["a"],"ok":true}'

test('a trace is a record a line, and is written as it was read', () => {
  const records = readTrace(`${RECORD}\n\n`, 'x.jsonl')
  expect(records).toEqual([{ i: 0, line: 1, op: 'close', args: ['a'], ok: true }])
  expect(traceText(records)).toBe(`${RECORD}\n`)
})

test.each([
  ['junk', /x\.jsonl:1: expected a JSON object, found junk/],
  ['[1]', /expected a JSON object/],
  ['{"i":0,"line":1,"op":"close","args":"a","ok":true}', /expected an array of text as "args", found "a"/],
  ['{"i":0,"line":1,"op":"close","args":["a"]}', /expected true or false as "ok", found nothing/],
  ['{"i":0,"line":1,"op":"shut","args":["a"],"ok":true}', /expected an operation: .*found shut/],
  ['', /x\.jsonl: expected a record a line, found nothing/],
  [`${RECORD.slice(0, -2)}`, /x\.jsonl:1: expected a JSON object, found \{"i":0/],
  [RECORD.replace('true', 'true,"result":5'), /x\.jsonl:1: expected an object as "result", found 5/],
  [RECORD.replace('true', 'true,"errno":5'), /expected text as "errno", found 5/],
  [RECORD.replace('true', 'true,"off":"5"'), /expected a number as "off", found "5"/],
  [RECORD.replace('true', 'true,"mask":"result.data"'), /expected an array of text as "mask"/],
  [`${RECORD}\n${RECORD.replace('0', '2')}`, /x\.jsonl: expected record 1, found record 2/],
])('%s is refused', (text, message) => {
  expect(() => readTrace(text, 'x.jsonl')).toThrow(message)
})

test('every line that is wrong is named', () => {
  expect(() => readTrace(`junk\n${RECORD}\n{}`, 'x.jsonl')).toThrow(/x\.jsonl:1: .*\nx\.jsonl:3: /)
})
