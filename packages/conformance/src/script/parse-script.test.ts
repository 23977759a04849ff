import { describe, expect, test } from 'vitest'
import { HANDLERS } from '../operations/index.ts'
import { ownGolden } from '../own-data.ts'
import { OPERATIONS } from './operation-table.ts'
import { parseScript } from './parse-script.ts'

describe('a script', () => {
  test('is one operation a line; comments and empty lines are none', () => {
    const text =
      '# what this is\nopen 0000:01:00.0 as=a\n\n  read a 7 @PM+4 2   # PMCSR\nmmap a 0 0 end-4096 rw shared m\n'
    expect(parseScript(text, 'x.vs')).toEqual([
      { line: 2, op: 'open', args: ['0000:01:00.0', 'as=a'] },
      { line: 4, op: 'read', args: ['a', '7', '@PM+4', '2'] },
      { line: 5, op: 'mmap', args: ['a', '0', '0', 'end-4096', 'rw', 'shared', 'm'] },
    ])
  })

  test.each([
    ['opne 0000:01:00.0', /x\.vs:1: expected an operation: open, .*, found opne/],
    ['open 01:00', /x\.vs:1: expected a PCI address dddd:bb:dd\.f as word 1 of open, found 01:00/],
    ['read a 7 0', /expected a number, end, end-N, or @CAP\+N as word 4 of read, found the end/],
    ['read a 7 zero 4', /as word 3 of read, found zero/],
    ['write a 7 4 060', /expected whole bytes in hexadecimal as word 4 of write, found 060/],
    ['close a b', /expected the end of close, found b/],
    ['device-info a argz=3', /expected the end of device-info, or one of argsz=, found argz=3/],
    ['mmap a 0 0 4096 rz shared m', /expected none, or letters of rwx/],
    ['set-irqs a 0 0 1 EVENT new', /expected a number, or names of NONE/],
    ['hot-reset a with b', /expected via as word 2/],
  ])('%s is refused at its line', (line, message) => {
    expect(() => parseScript(line, 'x.vs')).toThrow(message)
  })

  test('has every line that is wrong named at once', () => {
    expect(() => parseScript('open\nsleep 1\nclose', 'x.vs')).toThrow(/x\.vs:1: .*\nx\.vs:3: /)
  })
})

test('every operation that can be written can be carried out', () => {
  expect(Object.keys(HANDLERS).sort()).toEqual(Object.keys(OPERATIONS).sort())
})

test('every operation of the recordings is in the language', () => {
  const golden = ownGolden()
  const used = new Set<string>()
  for (const host of golden.hosts('7.2'))
    for (const name of golden.traceNames('7.2', host))
      for (const { op } of golden.trace('7.2', host, name)!) used.add(op)
  expect(used.size).toBeGreaterThan(35)
  expect([...used].filter((op) => !Object.hasOwn(OPERATIONS, op))).toEqual([])
})
