/** The feature table of docs/conformance.md: what it names is there. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { numbersShown } from './behaviour-numbers.ts'
import { filesBelow, root } from './packages.mjs'

const document = readFileSync(join(root, 'docs/conformance.md'), 'utf8')
const [features = '', figures = ''] = document.split(/^## Features$/m)[1]?.split(/^## Figures$/m) ?? []

interface Feature {
  readonly name: string
  readonly has: string
  readonly shownBy: readonly string[]
  readonly missing: string
}

function rowsOf(text: string): Feature[] {
  return [...text.matchAll(/^\| (.+) \|$/gm)]
    .map(([, row]) => row!.split(' | ').map((cell) => cell.trim()))
    .filter(([name]) => name !== 'feature' && !/^-+$/.test(name!))
    .map(([name = '', has = '', shownBy = '', missing = '']) => ({
      name,
      has,
      shownBy: shownBy === '' ? [] : shownBy.replace(/ \(.*?\)/g, '').split(', '),
      missing,
    }))
}

const table = rowsOf(features)
const topics = new Set([...figures.matchAll(/^\| `([^`]+)`/gm)].map(([, topic]) => topic))
const files = new Set(
  filesBelow('packages').flatMap((file) => (file.endsWith('.test.ts') ? [file.split('/').at(-1)] : [])),
)
const numbers = numbersShown()

/** What a row is shown by: a topic, behaviours by number, a file with tests. */
function isThere(proof: string): boolean {
  const topic = /^`(.+)`$/.exec(proof)
  if (topic !== null) return topics.has(topic[1])
  const behaviours = /^T(\d+)(?: to T(\d+))?$/.exec(proof)
  if (behaviours === null) return files.has(proof)
  const [first, last] = [Number(behaviours[1]), Number(behaviours[2] ?? behaviours[1])]
  return Array.from({ length: last - first + 1 }, (_, at) => first + at).every((each) => numbers.has(each))
}

describe('the feature table', () => {
  test('has every feature once', () => {
    expect(table).toHaveLength(61)
    expect(new Set(table.map(({ name }) => name)).size).toBe(table.length)
  })

  test.each(table)('$name: $has', ({ has, shownBy, missing }) => {
    expect(['yes', 'partly', 'no']).toContain(has)
    expect(missing === '').toBe(has === 'yes')
    expect(shownBy.length > 0).toBe(has !== 'no')
    expect(shownBy.filter((proof) => !isThere(proof))).toEqual([])
  })

  test.each(['`no-topic`', 'T99', 'T75 to T99', 'no-file.test.ts'])('%s would be found out', (proof) => {
    expect(isThere(proof)).toBe(false)
  })
})
