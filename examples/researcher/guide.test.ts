/** The guide shows the files of this folder, word for word, and changes them in ways that fit. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

type Step =
  | { readonly do: 'write'; readonly name: string; readonly content: string }
  | { readonly do: 'change'; readonly name: string; readonly from: string; readonly to: string }
  | { readonly do: 'run'; readonly command: string; readonly prints: string }

const read = (path: string) => readFileSync(fileURLToPath(new URL(path, import.meta.url)), 'utf8')
const guide: {
  stepsOf(markdown: string): Step[]
  changed(content: string, change: { from: string; to: string }): string
  withoutTimes(text: string): string
} = await import(new URL('guide.mjs', import.meta.url).href)
const steps = guide.stepsOf(read('../../docs/guides/researcher.md'))

test.each(['slot.yaml', 'patient.ts'])('%s', (name) => {
  const [shown] = steps.flatMap((step) => (step.do === 'write' && step.name === name ? [step.content] : []))
  expect(shown).toBe(read(name))
})

test('the strategy is one file of less than 60 lines', () => {
  expect(read('patient.ts').split('\n').length).toBeLessThan(60)
})

test('it is broken on purpose, and is as before when it was repaired', () => {
  const changes = steps.flatMap((step) => (step.do === 'change' ? [step] : []))
  const versions = [read('patient.ts')]
  for (const change of changes) versions.push(guide.changed(versions.at(-1)!, change))
  expect(versions).toHaveLength(3)
  expect(versions[1]).not.toBe(versions[0])
  expect(versions[2]).toBe(versions[0])
})

test('it explores, keeps, replays, asks SPIN and compares costs', () => {
  const commands = steps.flatMap((step) => (step.do === 'run' ? [step.command] : []))
  for (const word of ['explore', '--save', '--replay', '--promela', 'contention'])
    expect(commands.some((command) => command.includes(word))).toBe(true)
})

test('a change that fits nowhere, or twice, is refused', () => {
  expect(() => guide.changed('a\n', { from: 'b\n', to: '' })).toThrow('0 places')
  expect(() => guide.changed('a\na\n', { from: 'a\n', to: '' })).toThrow('2 places')
})

test('CPU seconds are not compared, other figures are', () => {
  expect(guide.withoutTimes('ok   584  0  0.03   exhaustive')).toBe('ok   584  0  #.##   exhaustive')
  expect(guide.withoutTimes('touches  300.25')).toBe('touches  300.25')
})
