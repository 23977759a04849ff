import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseJson } from './json-text.ts'

test.each([
  ['{"devices": {\n  "x": oops}}', 2, 8],
  ['', 1, 1],
  ['{', 1, 2],
  ['[1, 2', 1, 6],
  ['[1,]', 1, 4],
  ['{"a": 1,}', 1, 9],
  ['{"a" 1}', 1, 6],
  ['{1: 2}', 1, 2],
  ['[1] x', 1, 5],
  ['["\n"]', 1, 2],
  ['01', 1, 2],
  ['{"a": [}', 1, 8],
])('%j: line %d, column %d', (text, line, column) => {
  expect(parseJson(text)).toMatchObject({ ok: false, line, column })
})

test('the place is inside the text, or right behind it, whatever is broken', () => {
  const damaged = fc.tuple(fc.json(), fc.nat(), fc.string({ maxLength: 2 })).map(([json, at, junk]) => {
    const place = at % (json.length + 1)
    return json.slice(0, place) + junk + json.slice(place + 1)
  })
  fc.assert(
    fc.property(damaged, (text) => {
      const result = parseJson(text)
      if (result.ok) return
      const lines = text.split('\n')
      expect(result.column).toBeLessThanOrEqual(lines[result.line - 1]!.length + 1)
      expect(result.message).not.toBe('')
    }),
  )
})
