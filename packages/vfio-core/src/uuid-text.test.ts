import { expect, test } from 'vitest'
import { uuidText } from './uuid-text.ts'

test('bytes are in the order of the text', () => {
  expect(uuidText(Uint8Array.from({ length: 16 }, (_, at) => at))).toBe(
    '00010203-0405-0607-0809-0a0b0c0d0e0f',
  )
})
