import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { vfiokit } from '../fixtures/command-line.ts'

const SCENARIO = fileURLToPath(new URL('../../../../examples/vendor/scenario.yaml', import.meta.url))

function placeFor(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'vfiokit-recording-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, name)
}

test('what is recorded is the same against itself, and the run prints what it prints without', async () => {
  const file = placeFor('run.jsonl')
  const plain = await vfiokit(['run', SCENARIO])
  expect(await vfiokit(['run', SCENARIO, '--record', file])).toEqual({
    ...plain,
    err: `${file}: 8 calls of plugins in 1 run\n`,
  })
  expect(await vfiokit(['run', SCENARIO, '--against', file])).toEqual({
    code: 0,
    out: `${SCENARIO}: the same as ${file}, 8 calls of plugins in 1 run\n`,
    err: '',
  })
})

test('seed and strategies are those of the recording, unless they are given', async () => {
  const file = placeFor('run.jsonl')
  const given = ['--seed', '5', '--strategy', 'rfc-2021', '--strategy', 'unmap-range']
  await vfiokit(['run', SCENARIO, '--record', file, ...given])
  expect(await vfiokit(['run', SCENARIO, '--against', file])).toMatchObject({ code: 0 })
  const other = await vfiokit(['run', SCENARIO, '--against', file, '--seed', '6'])
  expect(other.code).toBe(1)
  expect(other.out).toContain('  seed: expected 5, found 6\n')
})

test('a difference is 1, with the line, what is expected and found, and the calls around it', async () => {
  const file = placeFor('run.jsonl')
  await vfiokit(['run', SCENARIO, '--record', file])
  const text = readFileSync(file, 'utf8')
  writeFileSync(file, text.replace('"offset":4096}', '"offset":8192}'))
  const { code, out } = await vfiokit(['run', SCENARIO, '--against', file])
  expect(code).toBe(1)
  expect(out).toBe(`${SCENARIO}: call 6 is not what ${file}:8 says, under unmap-range, seed 1

  answer.offset: expected 8192, found 4096

       3  brightline 0000:01:00.0 region 9: read(0, 00 * 64)
       4  brightline 0000:01:00.0 region 9: read(0, 00 * 64)
       5  brightline 0000:01:00.0 region 11: fault(0) -> {memory: 1, sizeBytes: 16384, offset: 0, page: ad7facb2586fc6e9}
  -    6  brightline 0000:01:00.0 region 10: fault(0) -> {bar: 0, offset: 8192}
  -    7  brightline 0000:01:00.0 region 10: fault(0) -> {bar: 0, offset: 4096}
  -    8  brightline 0000:01:00.0 region 11: fault(12288) -> {memory: 1, sizeBytes: 16384, offset: 12288, page: ad7facb2586fc6e9}
  +    6  brightline 0000:01:00.0 region 10: fault(0) -> {bar: 0, offset: 4096}
  +    7  brightline 0000:01:00.0 region 10: fault(0) -> {bar: 0, offset: 4096}
  +    8  brightline 0000:01:00.0 region 11: fault(12288) -> {memory: 1, sizeBytes: 16384, offset: 12288, page: ad7facb2586fc6e9}
`)
})

test('bytes differ at a byte; a run that ends sooner says how many calls there were', async () => {
  const file = placeFor('run.jsonl')
  await vfiokit(['run', SCENARIO, '--record', file])
  const text = readFileSync(file, 'utf8')
  writeFileSync(file, text.replace('{"hex":"00","times":64}', `{"hex":"${'00'.repeat(61)}010900"}`))
  expect((await vfiokit(['run', SCENARIO, '--against', file])).out).toContain(
    '  arguments.1 at byte 61: expected 010900, found 000000\n',
  )
  const longer = text
    .replace('"calls":8', '"calls":9')
    .replace('{"verdict"', '{"call":9,"provider":"brightline","member":"close","arguments":[]}\n{"verdict"')
  writeFileSync(file, longer)
  const { out } = await vfiokit(['run', SCENARIO, '--against', file])
  expect(out).toContain(
    '  -    9  brightline: close()\n  + no more calls\n\n9 calls were recorded, 8 are made\n',
  )
})

test('a file that is no recording is 2, with its line', async () => {
  const file = placeFor('run.jsonl')
  await vfiokit(['run', SCENARIO, '--record', file])
  writeFileSync(file, readFileSync(file, 'utf8').slice(0, -20))
  const { code, out, err } = await vfiokit(['run', SCENARIO, '--against', file])
  expect({ code, out }).toEqual({ code: 2, out: '' })
  expect(err).toMatch(
    /run\.jsonl:11: error: .*\(expected a call or the verdict of a run, found .*the end of the file\)/,
  )
  expect((await vfiokit(['run', SCENARIO, '--against', `${file}.not`])).err).toContain(
    'there is no such file',
  )
})

test('a strategy that is recorded and that there is not is 2, with its line', async () => {
  const file = placeFor('run.jsonl')
  await vfiokit(['run', SCENARIO, '--record', file, '--strategy', 'rfc-2021', '--strategy', 'unmap-range'])
  const lines = readFileSync(file, 'utf8').replace('"strategy":"unmap-range"', '"strategy":"own"')
  writeFileSync(file, lines)
  const at = lines.split('\n').findIndex((line) => line.includes('"own"')) + 1
  const { code, out, err } = await vfiokit(['run', SCENARIO, '--against', file])
  expect({ code, out }).toEqual({ code: 2, out: '' })
  expect(err).toContain(`${file}:${at}: error: there is no such strategy (expected unmap-range, `)
  const given = await vfiokit(['run', SCENARIO, '--against', file, '--strategy', 'won'])
  expect(given.err).toMatch(/^error: there is no such strategy .*found won/)
})

test('a place that cannot be written, and options that do not go together, are 2', async () => {
  expect(await vfiokit(['run', SCENARIO, '--record', '/nowhere/run.jsonl'])).toMatchObject({
    code: 2,
    out: '',
  })
  const { code, err } = await vfiokit(['run', SCENARIO, '--record', 'a', '--against', 'b'])
  expect(code).toBe(2)
  expect(err).toContain('cannot be used with')
})
