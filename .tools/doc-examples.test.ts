/** Everything the documentation shows is compiled and run: doc-examples/extract.ts says what counts. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Example, examplesOfMarkdown, examplesOfSource } from './doc-examples/extract.ts'
import { runProblems, typeErrors, writeModules } from './doc-examples/modules.ts'
import { kindOf, yamlCheckers } from './doc-examples/yaml-checkers.ts'
import { filesBelow, root } from './packages.mjs'

const read = (file: string) => readFileSync(join(root, file), 'utf8')
const pages = [
  'README.md',
  ...['docs', 'packages', 'examples'].flatMap((folder) => filesBelow(folder)),
].filter((file) => {
  return file.endsWith('.md') && !file.startsWith('docs/api/')
})
const sources = filesBelow('packages').filter((file) => {
  return /\/src\/.*\.ts$/.test(file) && !file.endsWith('.test.ts')
})
const shown = [
  ...pages.flatMap((file) => examplesOfMarkdown(file, read(file))),
  ...sources.flatMap((file) => examplesOfSource(file, read(file))),
]
const code = shown.filter(({ language }) => language === 'ts')
const files = shown.filter(({ language }) => language === 'yaml')

const canary = '.tools/doc-examples/canary.md'
const birds = examplesOfMarkdown(canary, read(canary))
const singing = birds.filter(({ language }) => language === 'ts')

// One program for all: the sources of the packages are read once.
const modules = new Map([...writeModules('shown', code), ...writeModules('canary', singing)])
const typed = typeErrors(modules)
const run = (example: Example) => runProblems(example, modules.get(example)!)
const where = ({ file, line }: Example) => `${file}:${line}`

describe('what the documentation shows', () => {
  test.each(code.map((example) => [where(example), example] as const))('%s', async (_where, example) => {
    expect(typed.get(example)).toEqual([])
    if (example.run) expect(await run(example)).toEqual([])
  })

  for (const example of files) {
    const kind = kindOf(example.code)
    test.skipIf(Object.keys(yamlCheckers).length === 0)(`${where(example)} ${kind}`, async () => {
      const check = yamlCheckers[kind]
      expect(check, `no checker for "vfiokit: ${kind}"`).toBeDefined()
      const defects = await check!(example.code, example.file)
      expect(defects.map((defect) => `${where(example)} ${defect}`)).toEqual([])
    })
  }
})

describe('a canary', () => {
  test('has every block found at its line, with what is to be done', () => {
    expect(birds.map(({ line, language, run }) => `${line} ${language}${run ? ' run' : ''}`)).toEqual([
      '4 ts run',
      '10 ts run',
      '15 ts run',
      '19 ts run',
      '24 ts run',
      '29 ts run',
      '34 ts',
      '42 yaml run',
    ])
  })

  test('has only its wrong types refused, at both lines', () => {
    expect(singing.map((example) => typed.get(example)!.length)).toEqual([0, 2, 0, 0, 0, 0, 0])
    expect(typed.get(singing[1]!)).toEqual([
      expect.stringMatching(/canary\.md:10 .*nothingOfThisName/),
      expect.stringMatching(/canary\.md:11 .*not assignable to type 'number'/),
    ])
  })

  test('is compared with what it prints', async () => {
    expect(await run(singing[0]!)).toEqual([])
    expect(await run(singing[2]!)).toEqual([`${canary}:15 should print "2", but prints "two"`])
    expect(await run(singing[3]!)).toEqual([`${canary}:19 also prints "more", not in any // =>`])
    expect(await run(singing[4]!)).toEqual([`${canary}:25 should print "five", but prints nothing more`])
  })

  test('that throws is refused at its line', async () => {
    expect(await run(singing[5]!)).toEqual([`${canary}:30 throws Error: thrown`])
  })
})

test('an example in a docstring is found, in a fence or bare', () => {
  const source = [
    '/** One line. */',
    'const a = 1',
    '  /**',
    '   * Says what it does.',
    '   * @example',
    '   * ```ts',
    '   * @decorated class A {}',
    '   * ```',
    '   * @example',
    '   * console.log(1) // => 1',
    '   * @example walk()',
    '   * @returns nothing',
    '   */',
  ].join('\n')
  const found = examplesOfSource('a.ts', source)
  expect(found.map(({ line, language, code }) => [line, language, code.trim()])).toEqual([
    [7, 'ts', '@decorated class A {}'],
    [10, 'ts', 'console.log(1) // => 1'],
    [11, 'ts', 'walk()'],
  ])
})

test('the kind of a file is the word after vfiokit:', () => {
  const texts = ['vfiokit: host/1\na: 1', "vfiokit: 'scenario/1'", 'vfiokit: 1']
  expect(texts.map(kindOf)).toEqual(['host', 'scenario', '1'])
})
