import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { vfiokit } from '../fixtures/command-line.ts'

const example = (name: string) =>
  fileURLToPath(new URL(`../../../../examples/researcher/${name}.yaml`, import.meta.url))
const SLOT = example('slot')

interface Result {
  readonly strategy: string
  readonly verdict: string
  readonly expected?: string
  readonly property?: string
  readonly mode: string
  readonly lockSemantics: string
  readonly bound?: string
  readonly states: number
  readonly transitions: number
  readonly cpuSeconds: number
  readonly counterexample?: { readonly steps: readonly { readonly task: string; readonly op: string }[] }
}

async function explored(...args: string[]): Promise<{ code: number; results: readonly Result[] }> {
  const { code, out, err } = await vfiokit(['explore', ...args, '--json'])
  expect(err).toBe('')
  return { code, results: JSON.parse(out).results }
}

function fileWith(name: string, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'vfiokit-explore-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

describe('the slot that strategies are compared on', () => {
  test.each(['free', 'fair'])('is ok under every strategy that ships, locks %s', async (locks) => {
    const { code, results } = await explored(SLOT, '--all', '--locks', locks)
    expect(results.map(({ strategy, verdict }) => [strategy, verdict])).toEqual(
      results.map(({ strategy }) => [strategy, 'ok']),
    )
    expect(results.length).toBeGreaterThanOrEqual(3)
    expect(results[0]).toMatchObject({
      mode: 'exhaustive',
      lockSemantics: locks === 'fair' ? 'queue-fair' : 'any-free-moment',
    })
    expect(results[0]!.bound).toBeUndefined()
    expect(code).toBe(0)
  })

  test('is not under a canary: 1, and the shortest way there', async () => {
    const { code, results } = await explored(SLOT, '--strategy', 'zap-before-lock')
    expect(code).toBe(1)
    expect(results).toMatchObject([{ strategy: 'zap-before-lock', verdict: 'violation', property: 'I1' }])
    expect(results[0]!.counterexample!.steps).toHaveLength(9)
  })

  test('as a table has one line a strategy and one column a task', async () => {
    const { code, out } = await vfiokit(['explore', SLOT, '--strategy', 'zap-before-lock'])
    expect(code).toBe(1)
    expect(out).toContain('slot.yaml: 2 devices; 2 cpu0, 2 cpu1, guest, 2 slot')
    expect(out).toMatch(/^zap-before-lock {2}violation {2}I1 .* any-free-moment$/m)
    expect(out).toMatch(/^step {2}guest +cpu0/m)
    expect(out).toContain('9 steps, the fewest there can be')
  })

  test('in another size says so', async () => {
    const { out } = await vfiokit(['explore', SLOT, '--devices', '3', '--faults', '1', '--resets', '1'])
    expect(out).toContain('3 devices; cpu0, cpu1, guest, slot, cpu1 of device-3')
    expect(out).toMatch(/^unmap-range {2}ok/m)
  })
})

test('open and close come between a hot reset that takes no lock of the set', async () => {
  const { code, results } = await explored(example('slot-open-close'), '--all')
  const verdicts = results.map(({ strategy, verdict, property }) => [strategy, verdict, property])
  expect(verdicts).toEqual([
    ['unmap-range', 'ok', undefined],
    ['vma-list', 'violation', 'I6'],
    ['rfc-2021', 'violation', 'I6'],
    ['shared-inode', 'ok', undefined],
    ['layered', 'ok', undefined],
    ['vma-list-device-set', 'ok', undefined],
    ['ordered', 'ok', undefined],
    ['set-rwsem', 'ok', undefined],
  ])
  expect(code).toBe(1)
})

test('a hot reset that tries again is explored too', async () => {
  const { code, results } = await explored(example('slot-retry'), '--all')
  expect(results.every(({ verdict }) => verdict === 'ok')).toBe(true)
  expect(code).toBe(0)
})

test('every example runs live as well', async () => {
  for (const name of [
    'slot',
    'slot-retry',
    'slot-two-owners',
    'slot-two-resets',
    'slot-fork',
    'slot-munmap',
  ]) {
    const { code, err } = await vfiokit(['run', example(name), '--no-timeline'])
    expect({ name, code: code === 2 ? 2 : 0, err }).toEqual({ name, code: 0, err: '' })
  }
})

describe('a bound', () => {
  test('of memory makes the verdict unknown, and is said', async () => {
    const { code, results } = await explored(
      SLOT,
      '--no-reduce',
      '--strategy',
      'vma-list',
      '--max-memory',
      '1',
    )
    expect(code).toBe(1)
    expect(results[0]!.verdict).toBe('unknown')
    expect(results[0]!.bound).toMatch(/need more than was allowed; \d+ of \d+ states expanded/)
  })
})

describe('an exploration that takes long', () => {
  const LONG = ['explore', SLOT, '--strategy', 'vma-list', '--no-reduce', '--devices', '3'] as const

  async function interruptedRun(args: readonly string[]) {
    const before = process.listenerCount('SIGINT')
    const running = vfiokit([...args, '--json'])
    while (process.listenerCount('SIGINT') === before) await new Promise((resume) => setImmediate(resume))
    process.emit('SIGINT')
    const { code, out, err } = await running
    expect(process.listenerCount('SIGINT')).toBe(before)
    return { code, err, results: JSON.parse(out).results }
  }

  test('ends at SIGINT with what is known, and 1', async () => {
    const { code, err, results } = await interruptedRun(LONG)
    expect([code, err]).toEqual([1, ''])
    expect(results).toMatchObject([{ strategy: 'vma-list', verdict: 'unknown' }])
    expect(results[0].bound).toMatch(/^interrupted; \d+ of \d+ states expanded/)
    expect(results[0].states).toBeGreaterThan(0)
  })

  test.each([
    [['--mode', 'bounded', '--preemptions', '9'], 'interrupted'],
    [['--mode', 'liveness'], 'interrupted'],
    [['--mode', 'bypass'], 'interrupted'],
  ])('so does %j', async (mode, bound) => {
    const { code, results } = await interruptedRun([...LONG, ...mode])
    expect(code).toBe(1)
    expect(results[0].verdict).toBe('unknown')
    expect(results[0].bound).toContain(bound)
  })

  test('of the whole engine ends with the runs that were made', async () => {
    const asked = ['explore', SLOT, '--strategy', 'vma-list', '--mode', 'sample', '--engine']
    const { code, results } = await interruptedRun([...asked, '--runs', '100000'])
    expect(code).toBe(1)
    expect(results[0].bound).toMatch(/^\d+ runs of mixed of the whole engine, seed 1, stopped$/)
  })

  test('ends when its CPU time is over', async () => {
    const { code, out } = await vfiokit([...LONG, '--max-cpu', '1'])
    expect(code).toBe(1)
    expect(out).toMatch(/unknown .*stopped after 1 CPU s; \d+ of \d+ states expanded/)
  })

  test('shows on a terminal how far it is, on one line that is empty in the end', async () => {
    const { err } = await vfiokit([...LONG, '--max-cpu', '1'], { isTTY: true })
    const lines = err.split('\r').slice(1)
    expect(lines.length).toBeGreaterThan(1)
    expect(lines[0]).toMatch(/^vma-list: \d+ states, \d+ transitions/)
    expect(lines.at(-1)).toBe('\u001b[K')
  })

  test('shows nothing where there is no terminal', async () => {
    const { err } = await vfiokit([...LONG, '--max-cpu', '1'])
    expect(err).toBe('')
  })
})

describe('a mode', () => {
  test.each([
    [['--mode', 'bounded', '--preemptions', '1'], 'at most 1 preemptions'],
    [['--mode', 'sample', '--runs', '500', '--seed', '3', '--sampler', 'walk'], '500 runs of walk, seed 3'],
    [['--mode', 'lockdep'], 'the order of locks only'],
    [['--mode', 'liveness', '--faults', '1', '--resets', '1', '--fairness', 'weak'], 'weak fairness'],
  ])('%s says what it looked at', async (args, bound) => {
    const { code, results } = await explored(SLOT, ...args, '--strategy', 'unmap-range')
    expect(results).toMatchObject([{ verdict: 'ok', mode: args[1] }])
    expect(results[0]!.bound).toContain(bound)
    expect(code).toBe(0)
  })

  test.each(['bounded', 'sample', 'lockdep'])('%s finds what is wrong with naive', async (mode) => {
    const { code, results } = await explored(SLOT, '--mode', mode, '--strategy', 'naive')
    expect(results).toMatchObject([{ verdict: 'deadlock', mode }])
    expect(code).toBe(1)
  })

  test('that there is not is bad usage', async () => {
    expect((await vfiokit(['explore', SLOT, '--mode', 'guess'])).code).toBe(2)
  })
})

describe('a file', () => {
  test('of counterexamples is kept, replayed, and says when the code has changed', async () => {
    const file = fileWith('kept.json', '')
    await explored(SLOT, '--strategy', 'zap-before-lock', '--save', file)
    const replayed = (...args: string[]) => vfiokit(['explore', SLOT, ...args, '--replay', file])
    expect(await replayed('--strategy', 'zap-before-lock')).toEqual({
      code: 0,
      out: 'zap-before-lock: I1 again, after 9 steps\n',
      err: '',
    })
    writeFileSync(file, readFileSync(file, 'utf8').replace('"zap-before-lock"', '"unmap-range"'))
    const { code, out } = await replayed('--strategy', 'unmap-range')
    expect(code).toBe(1)
    expect(out).toMatch(
      /^unmap-range: step \d was "zap space:d0" and is "acquire memory_lock:d0 \(write\)" \(the code has changed/,
    )
  })

  test('of anything else is refused', async () => {
    const { code, err } = await vfiokit(['explore', SLOT, '--replay', fileWith('other.json', '{}')])
    expect(code).toBe(2)
    expect(err).toContain('holds no counterexamples')
  })

  test('for SPIN and for Graphviz is written for each strategy', async () => {
    const [promela, dot] = [fileWith('model.pml', ''), fileWith('model.dot', '')]
    const { code, out } = await vfiokit(['explore', SLOT, '--all', '--promela', promela, '--dot', dot])
    expect({ code, out }).toEqual({ code: 0, out: '' })
    expect(readFileSync(promela.replace('.pml', '.unmap-range.pml'), 'utf8')).toContain('proctype T0()')
    expect(readFileSync(dot.replace('.dot', '.vma-list.dot'), 'utf8')).toContain('digraph')
  })
})

describe('counterexamples in a file', () => {
  test('know the size that they were found at', async () => {
    const file = fileWith('sized.json', '')
    const size = ['--devices', '1', '--faults', '1', '--resets', '0']
    await explored(SLOT, '--strategy', 'zap-before-lock', ...size, '--save', file)
    expect(JSON.parse(readFileSync(file, 'utf8'))[0].size).toEqual({ devices: 1, faults: 1, resets: 0 })
    const again = await vfiokit(['explore', SLOT, '--strategy', 'zap-before-lock', '--replay', file])
    expect(again).toMatchObject({ code: 0, out: 'zap-before-lock: I1 again, after 9 steps\n' })
    const larger = ['--devices', '2', '--replay', file]
    const { out } = await vfiokit(['explore', SLOT, '--strategy', 'zap-before-lock', ...larger])
    expect(out).toContain('the code has changed since')
  })

  test.each([
    ['no JSON', '{'],
    ['a step without a task', '[{"strategy":"a","lockSemantics":"queue-fair","steps":[{"op":"x"}]}]'],
    [
      'a size of words',
      '[{"strategy":"a","lockSemantics":"queue-fair","steps":[],"size":{"devices":"two"}}]',
    ],
    ['a schedule of numbers', '[{"strategy":"a","lockSemantics":"queue-fair","steps":[],"schedule":[1]}]'],
  ])('are refused with %s', async (_what, text) => {
    const { code, err } = await vfiokit(['explore', SLOT, '--replay', fileWith('bad.json', text)])
    expect(code).toBe(2)
    expect(err).toContain('holds no counterexamples')
  })
})

describe('the whole engine', () => {
  const ENGINE = ['--mode', 'sample', '--engine'] as const

  test('is sampled under every strategy, and its verdict says so', async () => {
    const { code, results } = await explored(SLOT, ...ENGINE, '--runs', '20', '--all')
    expect(results).toHaveLength(8)
    for (const { verdict, mode, bound } of results)
      expect({ verdict, mode, bound }).toEqual({
        verdict: 'ok',
        mode: 'sample',
        bound: '20 runs of mixed of the whole engine, seed 1',
      })
    expect(code).toBe(0)
  })

  test('does what no model can: the regions of a plugin, hot resets by who owns less', async () => {
    const demo = fileURLToPath(new URL('../../../../examples/demo/hot-reset.yaml', import.meta.url))
    expect((await vfiokit(['explore', demo])).code).toBe(2)
    const { code, results } = await explored(demo, ...ENGINE, '--runs', '5', '--strategy', 'unmap-range')
    expect(results).toMatchObject([{ strategy: 'unmap-range', verdict: 'ok' }])
    expect(code).toBe(0)
  })

  test('shows a canary in a table of steps, which can be kept and taken again', async () => {
    const file = fileWith('engine.json', '')
    const asked = ['explore', SLOT, '--strategy', 'zap-before-lock']
    const { code, out } = await vfiokit([...asked, ...ENGINE, '--save', file])
    expect(code).toBe(1)
    expect(out).toMatch(/insert bar0 page 0[\s\S]*set memory:0000:01:00\.0 := false/)
    const again = await vfiokit([...asked, '--replay', file])
    expect(again.out).toMatch(/^zap-before-lock: I1 again, after \d+ steps\n$/)
    writeFileSync(file, readFileSync(file, 'utf8').replace('"zap-before-lock"', '"unmap-range"'))
    const mended = await vfiokit(['explore', SLOT, '--strategy', 'unmap-range', '--replay', file])
    expect(mended).toMatchObject({ code: 1, out: 'unmap-range: I1 before, now nothing wrong\n' })
  })

  test.each([
    [['--engine'], 'only samples are taken of the whole engine'],
    [[...ENGINE, '--devices', '3'], '--devices does not go with --engine'],
    [[...ENGINE, '--promela', 'x.pml'], '--promela does not go with --engine'],
    [[...ENGINE, '--max-memory', '9'], '--max-memory does not go with --engine'],
    [[...ENGINE, '--no-reduce'], '--no-reduce does not go with --engine'],
  ])('refuses %j', async (args, message) => {
    const { code, err } = await vfiokit(['explore', SLOT, ...args])
    expect(code).toBe(2)
    expect(err).toContain(message)
  })
})

describe('a strategy of a file', () => {
  test('is explored under its own name', async () => {
    const path = fileURLToPath(new URL('../../../../examples/researcher/patient.ts', import.meta.url))
    const { code, results } = await explored(SLOT, '--strategy', path)
    expect(results).toMatchObject([{ strategy: 'patient', verdict: 'ok' }])
    expect(code).toBe(0)
  })

  test('that exports none is refused', async () => {
    const path = fileWith('empty.mjs', 'export const name = 1')
    const { code, err } = await vfiokit(['explore', SLOT, '--strategy', path])
    expect(code).toBe(2)
    expect(err).toContain('has to export one strategy')
  })

  test('that is not there is refused', async () => {
    const { code, err } = await vfiokit(['explore', SLOT, '--strategy', './no-such.mjs'])
    expect(code).toBe(2)
    expect(err).toContain('./no-such.mjs cannot be loaded')
  })
})

test('a name that nobody has is refused with those there are', async () => {
  const { code, err } = await vfiokit(['explore', SLOT, '--strategy', 'better'])
  expect(code).toBe(2)
  expect(err).toContain(
    'unmap-range, vma-list, rfc-2021, shared-inode, layered, vma-list-device-set, ordered, set-rwsem',
  )
})

test('a step without a protocol is refused by name, at its place', async () => {
  const text = readFileSync(SLOT, 'utf8')
    .replace(
      'host.yaml',
      fileURLToPath(new URL('../../../../examples/researcher/host.yaml', import.meta.url)),
    )
    .replace('set-memory: { device: d0, on: true }', 'read: { device: d0, region: 7, offset: 0, length: 4 }')
  const { code, err } = await vfiokit(['explore', fileWith('config.yaml', text)])
  expect(code).toBe(2)
  expect(err).toMatch(/config\.yaml:\d+:\d+: error: there is no protocol for this step/)
})

describe('what a scenario file says', () => {
  const scenario = (name: string, from: string, to: string) => {
    const text = readFileSync(example(name), 'utf8')
    const host = fileURLToPath(new URL('../../../../examples/researcher/host.yaml', import.meta.url))
    expect(text).toContain(from)
    return fileWith('scenario.yaml', text.replace('host.yaml', host).replace(from, to))
  }
  const withKey = (name: string, key: string) => scenario(name, 'seed: 1', `seed: 1\n${key}`)

  test('of invariants to check is all that is asked, and bounds the verdict', async () => {
    const asked = withKey('slot-open-close', 'check: [I1-I5, deadlock]')
    const { code, results } = await explored(asked, '--strategy', 'rfc-2021')
    expect(results).toMatchObject([{ verdict: 'ok', bound: 'only I1, I2, I3, I4, I5 asked' }])
    expect(code).toBe(0)
    const i6 = withKey('slot-open-close', 'check: [I6]')
    expect(await explored(i6, '--strategy', 'rfc-2021')).toMatchObject({
      code: 1,
      results: [{ verdict: 'violation', property: 'I6', bound: 'only I6 asked' }],
    })
  })

  test('of expected verdicts decides what the command ends with', async () => {
    const known = withKey('slot-open-close', 'expect: { rfc-2021: violation }')
    const { code, results } = await explored(known, '--strategy', 'rfc-2021', '--strategy', 'unmap-range')
    expect(results.map(({ verdict, expected }) => [verdict, expected])).toEqual([
      ['violation', 'violation'],
      ['ok', 'ok'],
    ])
    expect(code).toBe(0)
    const { code: other, out } = await vfiokit([
      'explore',
      withKey('slot', 'expect: { unmap-range: deadlock }'),
    ])
    expect(other).toBe(1)
    expect(out).toMatch(/^unmap-range {2}ok, expected deadlock/m)
  })

  test.each([
    ['expect: { better: ok }', 'there is no such strategy'],
    ['expect: { unmap-range: unchecked }', 'an exploration cannot come to this'],
  ])('%s is refused at its place', async (key, message) => {
    const { code, err } = await vfiokit(['explore', withKey('slot', key)])
    expect(code).toBe(2)
    expect(err).toMatch(new RegExp(`scenario\\.yaml:\\d+:\\d+: error: ${message}`))
  })

  test.each(['groups: [d0], ', ''])('of a hot reset without every device, %s is refused', async (groups) => {
    const { code, err } = await vfiokit(['explore', scenario('slot', 'groups: [d0, d1], ', groups)])
    expect(code).toBe(2)
    expect(err).toMatch(/scenario\.yaml:\d+:\d+: error: only a hot reset by who owns every device/)
    expect(err).toContain('groups: [d0, d1]')
  })
})

test.each([
  ['--locks', 'slow'],
  ['--devices', '0'],
  ['--max-cpu', 'long'],
])('%s %s is bad usage', async (...args) => {
  expect((await vfiokit(['explore', SLOT, ...args])).code).toBe(2)
})
