import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { vfiokit } from './fixtures/command-line.ts'

const examples = fileURLToPath(new URL('../../../examples', import.meta.url))
const DEMO = join(examples, 'demo/hot-reset.yaml')
const SNAPSHOT = join(examples, 'demo/multifn.json')

function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'vfiokit-cli-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

const HOST = `vfiokit: host/1\ntopology: {snapshot: ${SNAPSHOT}}\nbind: ['0000:01:00.0']\n`
const SCENARIO = `vfiokit: scenario/1
host: host.yaml
processes: [vm0]
devices: {nvme: '0000:01:00.0'}
mappings:
  bar: {process: vm0, device: nvme, region: 0, offset: 0, length: 0x1000}
tasks:
  - {name: cpu, process: vm0, do: [{load: {mapping: bar, offset: 0, width: 4}}]}
check: [I1, I4]
`
const scenario = (rest = '', host = HOST) => {
  return join(folderWith({ 's.yaml': SCENARIO + rest, 'host.yaml': host }), 's.yaml')
}

describe('usage', () => {
  test('without arguments is help on stderr, and 2', async () => {
    const { code, out, err } = await vfiokit([])
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain('Usage: vfiokit')
    expect(err).toContain('run [options] <scenario>')
    expect(err).toContain('Exit code: 0 ok, 1 a check failed, 2 bad usage or input.')
  })

  test.each([['--help'], ['-h'], ['help'], ['run', '--help'], ['help', 'run']])(
    'asked for is help on stdout, and 0: %s %s',
    async (...args) => {
      const { code, out, err } = await vfiokit(args)
      expect({ code, err }).toEqual({ code: 0, err: '' })
      expect(out).toContain('Usage: vfiokit')
    },
  )

  test('--version says what package.json says', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
    expect(await vfiokit(['--version'])).toEqual({ code: 0, out: `${version}\n`, err: '' })
  })

  test.each([
    [['rnu'], "error: unknown command 'rnu'\n(Did you mean run?)\n"],
    [['run', DEMO, '--jsno'], "error: unknown option '--jsno'\n(Did you mean --json?)\n"],
    [['--debgu'], "error: unknown option '--debgu'\n(Did you mean --debug?)\n"],
    [['run'], "error: missing required argument 'scenario'\n"],
    [['run', DEMO, 'again'], 'error: too many arguments'],
    [['run', DEMO, '--seed'], "error: option '--seed <n>' argument missing\n"],
    [['run', DEMO, '--seed', 'x'], 'Expected a whole number from 0 to 4294967295.'],
    [['run', DEMO, '--seed', '-1'], 'Expected a whole number from 0 to 4294967295.'],
    [['run', DEMO, '--seed', '1.5'], 'Expected a whole number from 0 to 4294967295.'],
    [['run', DEMO, '--seed', '4294967296'], 'Expected a whole number from 0 to 4294967295.'],
  ])('that is wrong is 2, and one line or two on stderr: %j', async (args, said) => {
    const { code, out, err } = await vfiokit(args)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(said)
    expect(err.trimEnd().split('\n').length).toBeLessThanOrEqual(2)
  })
})

describe('bad input is 2, a line a defect on stderr, and nothing on stdout:', () => {
  test('a scenario that is not there', async () => {
    expect(await vfiokit(['run', 'missing.yaml'])).toEqual({
      code: 2,
      out: '',
      err: 'missing.yaml: error: there is no such file [file-unreadable]\n',
    })
  })

  test('a directory', async () => {
    const { code, err } = await vfiokit(['run', examples])
    expect({ code, err }).toEqual({
      code: 2,
      err: `${examples}: error: a directory, not a file [file-unreadable]\n`,
    })
  })

  test('several defects', async () => {
    const path = scenario('sede: 1\ncolour: red\n')
    const { code, out, err } = await vfiokit(['run', path])
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err.split('\n')).toEqual([
      expect.stringContaining(`${path}:10:1: error: unknown key 'sede': did you mean 'seed'?`),
      expect.stringContaining(`${path}:11:1: error: unknown key 'colour'`),
      '',
    ])
  })

  test('a defect of the host file, at its place there', async () => {
    const path = scenario('', `${HOST}kernel: 7\n`)
    const { code, err } = await vfiokit(['run', path])
    expect(code).toBe(2)
    expect(err).toContain(`${dirname(path)}/host.yaml:4:9: error: 'kernel' is wrong`)
  })

  test('a strategy that nobody has', async () => {
    const { code, err } = await vfiokit(['run', scenario(), '--strategy', 'nice'])
    expect({ code, err }).toEqual({
      code: 2,
      err: 'error: there is no such strategy (expected unmap-range, vma-list, rfc-2021, shared-inode, layered, vma-list-device-set, ordered, set-rwsem, found nice) [strategy-unknown]\n',
    })
  })

  test('with --debug a stack trace follows, without it none', async () => {
    const { err } = await vfiokit(['run', 'missing.yaml'])
    expect(err).not.toContain('    at ')
    for (const args of [
      ['--debug', 'run', 'missing.yaml'],
      ['run', 'missing.yaml', '--debug'],
    ]) {
      const debugged = await vfiokit(args)
      expect(debugged.code).toBe(2)
      expect(debugged.err).toMatch(/^missing\.yaml: error: .*\n(.*\n)*\s+at /)
    }
  })
})

describe('vfiokit run', () => {
  test('ends with 0 when every verdict is as expected, else with 1', async () => {
    expect((await vfiokit(['run', scenario()])).code).toBe(0)
    expect((await vfiokit(['run', scenario('expect: {unmap-range: violation}\n')])).code).toBe(1)
  })

  test('ends with 1 when an invariant was never asked', async () => {
    const unasked = scenario().replace('s.yaml', 'u.yaml')
    writeFileSync(unasked, SCENARIO.replace('[I1, I4]', '[I1, I6]'))
    const { code, out } = await vfiokit(['run', unasked])
    expect(code).toBe(1)
    expect(out).toContain('I6  not asked  a hot reset is issued')
    expect(out).toContain('unchecked, expected ok')
  })

  test('finds files from the folder of the caller', async () => {
    const path = scenario()
    const before = process.cwd()
    onTestFinished(() => process.chdir(before))
    process.chdir(dirname(path))
    expect((await vfiokit(['run', 's.yaml'])).code).toBe(0)
    writeFileSync('host.yaml', `${HOST}kernel: 7\n`)
    expect((await vfiokit(['run', './s.yaml'])).err).toMatch(/^host\.yaml:4:9: error/)
  })

  test('warns on stderr about a damaged machine, and runs what is left', async () => {
    const snapshot = JSON.parse(readFileSync(SNAPSHOT, 'utf8'))
    const { attrs } = snapshot.devices['0000:01:00.2']
    attrs.config.hex = attrs.config.hex.slice(0, 128)
    const path = scenario('', HOST.replace(SNAPSHOT, 'machine.json'))
    writeFileSync(join(dirname(path), 'machine.json'), JSON.stringify(snapshot))
    const { code, out, err } = await vfiokit(['run', path])
    expect(code).toBe(0)
    expect(err).toMatch(/^\S+machine\.json: warning: .*64/)
    expect(out).toContain('unmap-range')
  })

  test('shows a plugin that throws in open, and is none the worse for it', async () => {
    const path = scenario('', `${HOST}plugins: [./broken.mjs]\n`)
    writeFileSync(
      join(dirname(path), 'broken.mjs'),
      `export default { kind: '@vfiokit/Plugin', name: 'broken', api: 1, regionProviders: [
        { name: 'broken', matches: () => true, open: () => { throw new Error('no firmware') } }] }`,
    )
    const { code, out, err } = await vfiokit(['run', path])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toContain('plugin: broken on 0000:01:00.0: open failed: no firmware')
    const [result] = JSON.parse((await vfiokit(['run', path, '--json'])).out).results
    expect(result.pluginFailures).toEqual(['broken on 0000:01:00.0: open failed: no firmware'])
  })

  test('has colours on a terminal only, and not with NO_COLOR', async () => {
    const path = scenario()
    const coloured = async (options: { isTTY?: boolean; env?: Record<string, string> }) =>
      (await vfiokit(['run', path], options)).out.includes('\u001b[')
    expect(await coloured({ isTTY: true })).toBe(true)
    expect(await coloured({ isTTY: true, env: { NO_COLOR: '' } })).toBe(true)
    expect(await coloured({ isTTY: true, env: { NO_COLOR: '1' } })).toBe(false)
    expect(await coloured({})).toBe(false)
  })

  test('leaves the timeline out when it is told to', async () => {
    const path = scenario()
    expect((await vfiokit(['run', path])).out).toContain('faults on bar page 0')
    expect((await vfiokit(['run', path, '--no-timeline'])).out).not.toContain('faults on bar page 0')
  })

  test('takes a seed and strategies, one for each --strategy', async () => {
    const args = [
      'run',
      '--strategy',
      'vma-list',
      '--strategy',
      'rfc-2021',
      '--seed',
      '9',
      scenario(),
      '--json',
    ]
    const { results } = JSON.parse((await vfiokit(args)).out)
    expect(
      results.map((result: { strategy: string; seed: number }) => [result.strategy, result.seed]),
    ).toEqual([
      ['vma-list', 9],
      ['rfc-2021', 9],
    ])
  })
})

describe('the demo', () => {
  test('prints the machine, each strategy in at most some 80 lines, the invariants and a closing table', async () => {
    const { code, out, err } = await vfiokit(['run', DEMO])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    const [heading, ...sections] = out.split(/^== /m)
    expect(heading).toMatch(/^\S+hot-reset\.yaml: 15 functions, Linux 7\.2, seed \d+\n/)
    for (const part of ['nvme    0000:01:00.0  1b36:0010      6  slot 1', 'vm1      journal', 'reset-slot'])
      expect(heading).toContain(part)
    expect(sections.map((section) => section.split('\n')[0])).toEqual(['unmap-range', 'rfc-2021', 'vma-list'])
    for (const section of sections) {
      const [, , timeline] = /^(.*)\n\n([\s\S]*?)\n\n/.exec(section)!
      expect(timeline!.split('\n').length).toBeLessThanOrEqual(85)
      expect(section).toMatch(/^journal +memory .* survived$/m)
      expect(section.match(/^I\d {2}holds/gm)).toHaveLength(8)
    }
    expect(out).toMatch(/^strategy +steps +faults +zapped +SIGBUS +EBUSY +locks taken +waits +verdict$/m)
  })

  test('is the same bytes twice', async () => {
    for (const args of [
      ['run', DEMO],
      ['run', DEMO, '--json'],
    ])
      expect((await vfiokit(args)).out).toBe((await vfiokit(args)).out)
  })

  test('as JSON has what the documentation says', async () => {
    const { scenario, results } = JSON.parse((await vfiokit(['run', DEMO, '--json'])).out)
    expect(scenario).toBe(DEMO)
    expect(results).toHaveLength(3)
    for (const result of results) {
      expect(Object.keys(result)).toEqual([
        'strategy',
        'seed',
        'kernel',
        'verdict',
        'expected',
        'steps',
        'invariants',
        'mappings',
        'regions',
        'idlePlugins',
        'counts',
        'blocked',
        'failures',
        'pluginFailures',
        'timeline',
      ])
      for (const invariant of result.invariants)
        expect(invariant).toEqual({
          id: expect.stringMatching(/^I[1-8]$/),
          statement: expect.any(String),
          holds: true,
          checked: expect.any(Number),
        })
    }
  })

  test('with zap-before-lock says that I1 is broken, at which step, and that this was expected', async () => {
    const args = ['run', DEMO, '--strategy', 'zap-before-lock']
    const { code, out } = await vfiokit(args)
    expect(code).toBe(0)
    expect(out).toMatch(/^I1 {2}BROKEN/m)
    expect(out).toMatch(
      /^zap-before-lock broke I1 at step \d+, \S+: \d+ page\(s\) of \S+ are mapped while memory is off$/m,
    )
    expect(out).toContain('violation, as expected')
    const [result] = JSON.parse((await vfiokit([...args, '--json'])).out).results
    expect(result.invariants[0]).toMatchObject({
      id: 'I1',
      holds: false,
      violation: { step: expect.any(Number) },
    })
  })

  test('with naive says who waits for what', async () => {
    const { out } = await vfiokit(['run', DEMO, '--strategy', 'naive'])
    expect(out).toMatch(/^blocked: \S+ waits for memory_lock:\S+ \(read\), holds mmap_lock:vm0 \(read\)$/m)
    expect(out).toContain('deadlock, as expected')
  })

  test('lies where this test looks for it', () => expect(existsSync(DEMO)).toBe(true))
})
