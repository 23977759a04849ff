import { YamlDocument } from '@vfiokit/topology'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { z } from 'zod'

function diagnostics(text: string): readonly string[] {
  return YamlDocument.parse(text, { file: 'f.yaml' }).diagnostics.map(
    (entry) => `${entry.line}:${entry.column} ${entry.code}`,
  )
}

const schema = z.strictObject({
  name: z.string(),
  count: z.int().min(0).max(9).optional(),
  mode: z.enum(['fast', 'slow']).optional(),
  inner: z.strictObject({ driver: z.string(), prefetchable: z.boolean().optional() }).optional(),
  list: z.array(z.union([z.string(), z.strictObject({ depth: z.number() })])).optional(),
})

function check(text: string): readonly unknown[] {
  const result = YamlDocument.parse(text, { file: 'f.yaml' }).check(schema)
  return result.ok
    ? []
    : result.diagnostics.map((d) =>
        [`${d.file}:${d.line}:${d.column}`, d.code, d.expected, d.found].join(' | '),
      )
}

test('a good document gives its value', () => {
  const result = YamlDocument.parse('name: a\nlist: [b, {depth: 2}]\n').check(schema)
  expect(result).toEqual({ ok: true, value: { name: 'a', list: ['b', { depth: 2 }] } })
})

test('all defects come in one go, each at its place with what was expected and found', () => {
  const text = [
    'count: 12',
    'mode: quick',
    'inner:',
    '  driver: 7',
    '  prefetchabel: true',
    'lost: 1',
    'list:',
    '  - depth: no',
  ].join('\n')
  expect(check(text)).toEqual([
    'f.yaml:1:1 | missing-key | text | nothing',
    'f.yaml:1:8 | wrong-value | at most 9 | 12',
    "f.yaml:2:7 | wrong-value | 'fast' or 'slow' | 'quick'",
    'f.yaml:4:11 | wrong-value | text | 7',
    'f.yaml:5:3 | unknown-key | one of driver, prefetchable | prefetchabel',
    "f.yaml:8:12 | wrong-value | a number | 'no'",
    'f.yaml:6:1 | unknown-key | one of name, count, mode, inner, list | lost',
  ])
})

test('an unknown key that is close to a known one says which', () => {
  const messages = (text: string): unknown => {
    const result = YamlDocument.parse(text).check(schema)
    return result.ok ? [] : result.diagnostics.map((entry) => entry.message)
  }
  expect(messages('name: a\ncuont: 1\n')).toEqual(["unknown key 'cuont': did you mean 'count'?"])
  expect(messages('name: a\ninner: {driver: b, prefchable: true}\n')).toEqual([
    "unknown key 'prefchable': did you mean 'prefetchable'?",
  ])
  expect(messages('name: a\nzebra: 1\n')).toEqual(["unknown key 'zebra'"])
})

test('part of a document can be checked on its own, and placed', () => {
  const document = YamlDocument.parse('items:\n  - name: a\n  - name: 3\n')
  expect(document.check(schema, ['items', 0])).toEqual({ ok: true, value: { name: 'a' } })
  const bad = document.check(schema, ['items', 1])
  expect(bad.ok ? undefined : bad.diagnostics[0]).toMatchObject({ line: 3, column: 11, found: '3' })
})

test('positions are of values, of keys, and of the closest ancestor that exists', () => {
  const document = YamlDocument.parse('a:\n  b: [1, 22]\n')
  expect(document.positionOf(['a', 'b', 1])).toEqual({ line: 2, column: 10 })
  expect(document.positionOf(['a', 'b'], 'key')).toEqual({ line: 2, column: 3 })
  expect(document.positionOf(['a', 'x', 'y'])).toEqual({ line: 2, column: 3 })
  expect(document.positionOf([])).toEqual({ line: 1, column: 1 })
})

test('integers beyond 2^53 keep every bit', () => {
  expect(YamlDocument.parse('a: 0xffffffffffffffff\nb: 0x10\n').value).toEqual({ a: 2n ** 64n - 1n, b: 16 })
})

test('a key given twice is a defect at the second one, and the first one counts', () => {
  const text = 'a: 1\nb:\n  c: 1\n  c: 2\na: 3\n'
  expect(diagnostics(text)).toEqual(['4:3 duplicate-key', '5:1 duplicate-key'])
  expect(YamlDocument.parse(text).value).toEqual({ a: 1, b: { c: 1 } })
})

test('an alias shares its block, and positions lead through it', () => {
  const document = YamlDocument.parse('a: &x {b: 1}\nc: *x\n')
  expect(document.value).toEqual({ a: { b: 1 }, c: { b: 1 } })
  expect(document.positionOf(['c', 'b'])).toEqual({ line: 1, column: 11 })
})

test('an alias bomb is a diagnostic, soon', () => {
  const levels = Array.from({ length: 30 }, (_, n) => {
    const items = new Array(10).fill(n === 0 ? 'boom' : `*l${n - 1}`)
    return `l${n}: &l${n} [${items.join(', ')}]`
  })
  const start = performance.now()
  const document = YamlDocument.parse(levels.join('\n'))
  expect(document.diagnostics.map((entry) => entry.code)).toContain('alias-expansion')
  expect(JSON.stringify(document.value).length).toBeLessThan(10_000_000)
  expect(performance.now() - start).toBeLessThan(10_000)
})

test('an alias without an anchor, and one inside its own block, are diagnostics', () => {
  expect(YamlDocument.parse('a: *nobody\n').diagnostics.map((entry) => entry.severity)).toContain('error')
  expect(YamlDocument.parse('a: &x [1, *x]\n').diagnostics.map((entry) => entry.code)).toContain(
    'alias-unresolved',
  )
})

const DEEP: Readonly<Record<string, (depth: number) => string>> = {
  brackets: (depth) => `${'['.repeat(depth)}${']'.repeat(depth)}`,
  braces: (depth) => '{a: '.repeat(depth),
  dashes: (depth) => `${'- '.repeat(depth)}a`,
  questions: (depth) => '? '.repeat(depth),
  indents: (depth) =>
    Array.from({ length: Math.min(depth, 1000) }, (_, n) => `${' '.repeat(n)}a:`).join('\n'),
}

test.each(Object.keys(DEEP))('nesting of %s, whatever its depth, is a diagnostic', (kind) => {
  for (const depth of [70, 300, 5000, 100_000]) {
    const document = YamlDocument.parse(DEEP[kind]!(depth))
    const codes = document.diagnostics.map((entry) => entry.code)
    // A key that is a collection is refused before its depth matters.
    expect(codes).toContain(kind === 'questions' && depth === 70 ? 'key-not-text' : 'yaml-too-deep')
  }
})

test.each(Object.keys(DEEP))('nesting of %s as deep as people write is none', (kind) => {
  const document = YamlDocument.parse(DEEP[kind]!(30))
  expect(document.diagnostics.map((entry) => entry.code)).not.toContain('yaml-too-deep')
})

test('a long list of blocks and a text full of brackets are not deep', () => {
  const list = Array.from({ length: 2000 }, (_, n) => `- a:\n    - b: [1, 2]\n      c: ${n}`).join('\n')
  expect(diagnostics(list)).toEqual([])
  expect(
    diagnostics(`a: "${'['.repeat(5000)}"\nb: |\n  ${'[ - '.repeat(5000)}\nc: x${'['.repeat(5000)}\n`),
  ).toEqual([])
})

test('a wide map costs what its width costs', () => {
  const text = Array.from({ length: 50_000 }, (_, n) => `key${n}: ${n}`).join('\n')
  const start = performance.now()
  const document = YamlDocument.parse(text)
  expect(document.diagnostics).toEqual([])
  expect(document.positionOf(['key49999']).line).toBe(50_000)
  expect(performance.now() - start).toBeLessThan(20_000)
})

test('a second document, a key that is no text, and broken syntax are diagnostics', () => {
  expect(diagnostics('a: 1\n---\nb: 2\n')).toEqual(['2:1 yaml-syntax'])
  expect(diagnostics('? [a, b]\n: 1\n')).toEqual(['1:3 key-not-text'])
  expect(diagnostics('a: [1, 2\nb: 3\n').length).toBeGreaterThan(0)
  expect(YamlDocument.parse('').value).toBeUndefined()
})

test('a key called __proto__ is data', () => {
  const { value } = YamlDocument.parse('__proto__: {evil: true}\n')
  expect(Object.keys(value as object)).toEqual(['__proto__'])
  expect(({} as { evil?: boolean }).evil).toBeUndefined()
})

test('any text at all: diagnostics or a value, never an exception', () => {
  const token = fc.constantFrom(
    'a',
    ': ',
    '- ',
    '\n',
    '  ',
    '[',
    ']',
    '{',
    '}',
    '&x ',
    '*x',
    '!!',
    '"',
    "'",
    '|',
    '?',
    '\t',
    '%',
    '0x',
    '---',
    '...',
    '#',
  )
  const text = fc.oneof(
    fc.string(),
    fc.array(token, { maxLength: 40 }).map((tokens) => tokens.join('')),
  )
  fc.assert(
    fc.property(text, (given) => {
      const document = YamlDocument.parse(given)
      document.check(schema)
      document.positionOf(['a', 0, 'b'])
    }),
    { numRuns: 2000 },
  )
})
