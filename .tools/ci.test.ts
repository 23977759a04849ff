/** .ci/run goes on after a failure, counts it, and notices a bad lock file or README; npx is a stand-in here. */
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { root } from './packages.mjs'

/** Fails for the command in $FAIL, writes $REPORT where a report of tests is wanted. */
const STAND_IN = `#!/usr/bin/env bash
shift 2
echo "ran $*"
[ -n "\${VFIOKIT_TEST_REPORT-}" ] && echo "$REPORT" >"$VFIOKIT_TEST_REPORT"
[ "$1" != "\${FAIL-}" ]
`
const REPORT = '{"numPassedTests":3,"numFailedTests":0}'
const README = `    npx -y pnpm@10.34.9 test    # runs the tests
    npx -y pnpm@10.34.9 demo
    npx -y pnpm@10.34.9 -s vfiokit run a.yaml --json
`
const LOCK = 'lockfileVersion: 9.0\n'
/** The commands of the list, and the steps that are named one by one. */
const steps = readFileSync(join(root, '.ci/run'), 'utf8').match(/^ {2}'.*'$|^step '/gm)!.length
const allPassed = 2 * 3 + steps

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'vfiokit-ci-'))
  for (const name of ['.ci', 'bin']) mkdirSync(join(folder, name))
  copyFileSync(join(root, '.ci/run'), join(folder, '.ci/run'))
  writeFileSync(join(folder, 'bin/npx'), STAND_IN)
  chmodSync(join(folder, 'bin/npx'), 0o755)
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

function ci(change: { readme?: string; lock?: string; env?: Record<string, string> } = {}) {
  writeFileSync(join(folder, 'README.md'), change.readme ?? README)
  writeFileSync(join(folder, 'pnpm-lock.yaml'), change.lock ?? LOCK)
  const PATH = `${join(folder, 'bin')}${delimiter}${process.env.PATH}`
  const { status, stdout, stderr } = spawnSync('bash', ['.ci/run'], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, FAIL: '', REPORT, ...change.env, PATH },
  })
  const lines = stdout.trimEnd().split('\n')
  return {
    status,
    stderr,
    lines,
    last: lines.at(-1),
    failed: lines.filter((line) => line.startsWith('FAILED')),
  }
}

test('all is well: every step has a line with its time, and the sum is right', () => {
  const { status, stderr, lines, last } = ci()
  expect({ status, stderr, last }).toEqual({ status: 0, stderr: '', last: `${allPassed} passed, 0 failed` })
  expect(lines.slice(0, -1).every((line) => /^ok +[\d.]+ s {2}\S/.test(line))).toBe(true)
  expect(lines).toHaveLength(steps + 1)
  expect(lines[0]).toMatch(/test \(3 tests passed, 0 failed\)$/)
})

test('a step that fails is counted, its log is shown, and the rest still runs', () => {
  const { status, last, lines, failed } = ci({ env: { FAIL: 'lint' } })
  expect({ status, last }).toEqual({ status: 1, last: `${allPassed - 1} passed, 1 failed` })
  expect(failed).toEqual([expect.stringMatching(/ lint$/)])
  expect(lines).toContain('    | ran pnpm@10.34.9 lint'.replace('pnpm@10.34.9 ', ''))
})

test('tests that fail are counted beside their step', () => {
  const { status, last } = ci({ env: { FAIL: 'test', REPORT: '{"numPassedTests":2,"numFailedTests":1}' } })
  expect({ status, last }).toEqual({ status: 1, last: `${allPassed - 3} passed, 3 failed` })
})

test.each([
  [
    'a tarball; an unknown command',
    'resolution: {tarball: x}\n',
    `${README}    npx -y pnpm@10.34.9 deploy\n`,
  ],
  ['a registry; another pnpm', 'registry: https://r.example\n', README.replace('10.34.9 test', '9.0.0 test')],
  ['no lock; no demo', '', '    npx -y pnpm@10.34.9 test\n'],
  ['no lock; no command', '', 'Nothing.\n'],
])('a lock file and a README that are not in order fail: %s', (_what, lock, readme) => {
  expect(ci({ lock, readme }).failed).toEqual([
    expect.stringContaining('lock file names no host'),
    expect.stringContaining('README commands are run'),
  ])
})
