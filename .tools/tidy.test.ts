/** The shape of the sources: tidy/findings.ts has the rules. The canaries show that each rule can fail. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { NOT_SHIPPED } from './layers.mjs'
import { filesBelow, root } from './packages.mjs'
import {
  describeFinding,
  findings,
  MAX_COLUMNS,
  MAX_FILE_LINES,
  MAX_FUNCTION_LINES,
} from './tidy/findings.ts'

const notShipped = new RegExp(NOT_SHIPPED)

const sources = ['packages', '.tools']
  .flatMap((folder) => filesBelow(folder))
  .filter((file) => /\.(ts|mjs)$/.test(file) && !notShipped.test(file))

describe('the sources', () => {
  test.each(sources)('%s', (file) => {
    expect(findings(file, readFileSync(join(root, file), 'utf8')).map(describeFinding)).toEqual([])
  })

  test('are found: every package has some', () => {
    const packages = filesBelow('packages').filter((file) => file.endsWith('/package.json'))
    const without = packages.filter((file) => {
      return !sources.some((source) => source.startsWith(file.replace('package.json', 'src/')))
    })
    expect(packages.length).toBeGreaterThan(0)
    expect(without).toEqual([])
  })
})

describe('a canary', () => {
  const lines = (count: number, line = '  step()') => Array.from({ length: count }, () => line).join('\n')
  const functionOf = (count: number) => `export function walk(): void {\n${lines(count - 2)}\n}\n`
  const wide = (count: number) => `// ${'x'.repeat(count - 3)}\n`

  const cases: readonly [what: string, file: string, text: string, expected: readonly string[]][] = [
    ['a function of 70 lines', 'a.ts', functionOf(MAX_FUNCTION_LINES), []],
    [
      'a function of 71 lines',
      'packages/host/src/a.ts',
      `\n\n${functionOf(MAX_FUNCTION_LINES + 1)}`,
      ['packages/host/src/a.ts:3 function-length: walk has 71 lines, at most 70'],
    ],
    [
      'a method of 71 lines',
      'a.ts',
      `class A {\n  walk(): void {\n${lines(69)}\n  }\n}`,
      ['a.ts:2 function-length: walk has 71 lines, at most 70'],
    ],
    [
      'an arrow of 71 lines',
      'a.ts',
      `export const a = () => {\n${lines(69)}\n}`,
      ['a.ts:1 function-length: a function has 71 lines, at most 70'],
    ],
    ['a file of 400 lines', 'a.ts', `${lines(MAX_FILE_LINES)}\n`, []],
    ['a file of 401 lines', 'a.ts', lines(401), ['a.ts:401 file-length: 401 lines, at most 400']],
    ...['utils', 'util', 'helpers', 'common', 'misc', 'types'].map(
      (name): [string, string, string, string[]] => [
        `a file called ${name}.ts`,
        `packages/topology/src/${name}.ts`,
        '',
        [`packages/topology/src/${name}.ts:1 vague-name: "${name}" does not say what is in it`],
      ],
    ),
    [
      'a folder called helpers',
      'packages/topology/src/helpers/bdf.ts',
      '',
      ['packages/topology/src/helpers/bdf.ts:1 vague-name: "helpers" does not say what is in it'],
    ],
    ['a name that only begins so', 'packages/topology/src/common-header.ts', '', []],
    ['an import with the flow', 'packages/vfio-pci/src/a.ts', `import { Bdf } from '@vfiokit/topology'`, []],
    ['an import of itself', 'packages/vfio-pci/src/a.ts', `import { Bdf } from '@vfiokit/vfio-pci'`, []],
    ...[
      `import { a } from '@vfiokit/host'`,
      `export * from '@vfiokit/host'`,
      `import type { A } from '@vfiokit/host/module'`,
      `const a = await import('@vfiokit/host')`,
      `type A = import('@vfiokit/host').A`,
    ].map((text): [string, string, string, string[]] => [
      `against the flow: ${text}`,
      'packages/vfio-pci/src/a.ts',
      `\n${text}\n`,
      [
        `packages/vfio-pci/src/a.ts:2 against-the-flow: vfio-pci may not import ${/@[^']+/.exec(text)![0]} ` +
          '(the table is in .tools/layers.mjs)',
      ],
    ]),
    ...[
      ['packages/explorer/src/a.ts', '@vfiokit/locking'],
      ['packages/locking/src/driver/a.ts', '../page-ops.ts'],
    ].map(([file = '', from]): [string, string, string, string[]] => [
      `a class of another copy, from ${from}`,
      file,
      `import { type Op, ZapOp } from '${from}'\nexport const isZap = (op: Op) => op instanceof ZapOp\n`,
      [`${file}:2 class-of-a-copy: ZapOp has other classes in other copies of its package: ask for its kind`],
    ]),
    [
      'classes that only one copy has',
      'packages/explorer/src/a.ts',
      `import { LinkOp } from './a.ts'\nexport const is = (a: object) => a instanceof LinkOp || a instanceof Map\n`,
      [],
    ],
    ['a TODO with a number', 'a.ts', '// TODO(#7): later', []],
    [
      'a TODO without a number',
      'a.ts',
      '\n/* TODO: later */',
      ['a.ts:2 todo-without-number: TODO needs the number of an issue: TODO(#12)'],
    ],
    ['a line of 120 columns', 'a.ts', wide(MAX_COLUMNS), []],
    ['a line of 121 columns', 'a.ts', wide(121), ['a.ts:1 line-width: 121 columns, at most 120']],
    ['a long string', 'a.ts', `const a = '${'x'.repeat(120)}'`, []],
    ['a long address', 'a.ts', `// https://example.org/${'x'.repeat(120)}`, []],
    [
      'a short string on a wide line',
      'a.ts',
      `const a = 'x' // ${'x'.repeat(120)}`,
      ['a.ts:1 line-width: 137 columns, at most 120'],
    ],
  ]

  test.each(cases)('%s', (_what, file, text, expected) => {
    expect(findings(file, text).map(describeFinding)).toEqual(expected)
  })
})
