/** What may go on for ever under each strategy, as docs/strategies.md says. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { shippedStrategies } from '@vfiokit/host/files'
import { expect, test } from 'vitest'
import { vfiokit } from '../fixtures/command-line.ts'

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const RETRIES = file('../../../../examples/researcher/slot-retry.yaml')
const PAGE = readFileSync(file('../../../../docs/strategies.md'), 'utf8')
/** The rows of tables behind a heading, by what is in their first cell. */
const rowsBehind = (heading: string): Map<string, string[]> => {
  const [, behind = ''] = PAGE.split(`## ${heading}\n`)
  const rows = behind.split('\n## ')[0]!.matchAll(/^\| `([\w-]+)` *\|(.*)\|$/gm)
  return new Map([...rows].map(([, name, cells]) => [name!, cells!.split('|').map((cell) => cell.trim())]))
}
const DOCUMENTED = rowsBehind('What may go on for ever')
const VARIANTS = [...rowsBehind('Known bugs, as variants').keys()]
const SHIPPED = shippedStrategies().map(({ name }) => name)

async function explored(strategy: string, ...mode: string[]) {
  const size = ['--faults', '1', '--resets', '1']
  const { out } = await vfiokit(['explore', RETRIES, '--strategy', strategy, ...size, ...mode, '--json'])
  return JSON.parse(out).results[0]
}

async function longestWait(strategy: string, locks: string): Promise<string> {
  const { overtaken } = await explored(strategy, '--mode', 'bypass', '--locks', locks)
  const counts: (number | undefined)[] = overtaken.map(({ count }: { count?: number }) => count)
  return counts.includes(undefined) ? 'no bound' : String(Math.max(...(counts as number[])))
}

test.each(SHIPPED)('%s: whether it comes to an end, and who overtakes whom', async (name) => {
  const [liveness, free, fair] = DOCUMENTED.get(name)!
  expect((await explored(name, '--mode', 'liveness')).verdict).toBe(liveness)
  expect(await longestWait(name, 'free')).toBe(free)
  expect(await longestWait(name, 'fair')).toBe(fair)
})

const LIVELOCK = /^(vma-list|naive|shared-inode-zap-first)/
const OTHERS = ['naive', 'zap-before-lock', ...VARIANTS]

test('every variant is asked', () => expect(VARIANTS.length).toBeGreaterThan(10))

test.each(OTHERS.filter((name) => name !== 'vma-list-one-cursor'))(
  '%s: whether it comes to an end',
  async (name) => {
    expect((await explored(name, '--mode', 'liveness')).verdict).toBe(LIVELOCK.test(name) ? 'livelock' : 'ok')
  },
)

test('vma-list-one-cursor: no verdict, and the reason', async () => {
  const { verdict, property, message } = await explored('vma-list-one-cursor', '--mode', 'liveness')
  expect([verdict, property]).toEqual(['error', 'unbounded'])
  expect(message).toContain('more than 2000 steps')
}, 60_000)
