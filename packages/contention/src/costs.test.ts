import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { COSTS, costsWith, isCostName } from './costs.ts'

test('every cost says where it is from', () => {
  for (const [name, { source }] of Object.entries(COSTS))
    expect([name, source]).toEqual([name, expect.stringMatching(/^(assumed$|[a-z_0-9]+.*\d+ ms)/)])
})

test('some can be changed, and none is less than nothing', () => {
  expect(costsWith({ lock: 7 })).toEqual({ ...costsWith(), lock: 7 })
  for (const ns of [-1, Number.NaN, Number.POSITIVE_INFINITY])
    expect(() => costsWith({ lock: ns })).toThrow(`lock cannot cost ${ns} ns`)
  expect(['lock', 'toString', 'locks'].map(isCostName)).toEqual([true, false, false])
})

test('each stands in docs/cli.md with its nanoseconds', () => {
  const page = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8')
  for (const [name, { ns, source }] of Object.entries(COSTS)) {
    const line = page.split('\n').find((each) => each.startsWith(`| \`${name}\` `))
    const cells = line?.split('|').map((cell) => cell.trim())
    expect([cells?.[2], cells?.[4]]).toEqual([ns.toLocaleString('en-US'), source])
  }
})
