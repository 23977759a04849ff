import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { BUILTIN_READERS } from '@vfiokit/topology'
import { readTopologyFile } from '@vfiokit/topology/node'
import { afterAll, beforeAll, expect, test } from 'vitest'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'topology-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const YAML = "vfiokit: topology/1\nfunctions:\n  - {bdf: '00:02.0', id: '8086:0001', class: '020000'}\n"

test('the format is recognised from the text, compressed or not', () => {
  expect(readTopologyFile(file('a.yaml', YAML)).functions).toHaveLength(1)
  expect(readTopologyFile(file('a.gz', gzipSync(YAML))).functions).toHaveLength(1)
  expect(readTopologyFile(file('a.json', '{"devices": {}}')).faults).toEqual([])
})

test.each([
  ['a folder', () => folder, 'file-unreadable', 'a directory, not a file'],
  ['no file', () => join(folder, 'none'), 'file-unreadable', 'there is no such file'],
  [
    'broken gzip',
    () => file('b.gz', Uint8Array.of(0x1f, 0x8b, 1, 2)),
    'file-unreadable',
    'unknown compression method',
  ],
  ['an empty file', () => file('empty', ''), 'format-unknown', 'not recognised'],
  ['another format', () => file('c', '00:00.0 Host bridge'), 'format-unknown', 'not recognised'],
])('%s is a diagnostic that names the file', (_name, path, code, message) => {
  const { functions, faults } = readTopologyFile(path())
  expect(functions).toEqual([])
  expect(faults).toMatchObject([{ severity: 'error', code, file: path() }])
  expect(faults[0]?.message).toContain(message)
})

test('a format can be forced; one that does not exist is a diagnostic that lists those that do', () => {
  const path = file('d.yaml', YAML)
  expect(readTopologyFile(path, { format: 'sysfs-snapshot' }).faults).toMatchObject([{ code: 'json-syntax' }])
  expect(readTopologyFile(path, { format: 'toml' }).faults).toMatchObject([
    {
      code: 'format-unknown',
      expected: BUILTIN_READERS.map((reader) => reader.format).join(', '),
      found: 'toml',
    },
  ])
})

test('defects name the file they are in', () => {
  const path = file('e.yaml', YAML.replace('id:', 'ids:'))
  expect(readTopologyFile(path).faults[0]).toMatchObject({
    file: path,
    line: 3,
    column: 22,
    code: 'unknown-key',
  })
})
