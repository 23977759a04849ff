import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { GoldenArchive, isGoldenArchive, packGolden } from './golden-archive.ts'
import { GoldenFolder } from './golden-folder.ts'
import { describeMachine } from './machine-source.ts'

const SNAPSHOT = JSON.stringify({
  devices: {
    '0000:01:00.0': {
      attrs: {
        vendor: '0x1234',
        device: '0x11e8',
        driver: { link: '../../../../bus/pci/drivers/vfio-pci' },
        iommu_group: { link: '../../../../kernel/iommu_groups/4' },
        config: { hex: '3412e811' },
      },
    },
    '0000:02:00.0': { attrs: { vendor: '0x8086', device: '0x10c9', driver: { link: '../drivers/igb' } } },
  },
})
const FILES = {
  'traces/7.2/one/01-info.a.jsonl': '{"i":0,"line":1,"op":"container-open","args":[],"ok":true}\n',
  'snapshots/7.2/one/snapshot.json': SNAPSHOT,
  'masks/one.json': '{"0000:01:00.0":{"rw":"00","w1c":"00"}}',
  'profiles/1234-11e8.json': '{"kind":"edu"}',
  'profiles/seeds.json': '{"seeds":{"one":{"01-info.a":{"0000:01:00.0":{"0:0x4":"0x1"}}}}}',
  'profiles/t1-table.json': '{}',
}

function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'vfiokit-golden-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

test('a packed folder says the same as the folder', () => {
  const folder = new GoldenFolder(folderOf(FILES))
  const target = folderOf({})
  packGolden(folder, target)
  expect(isGoldenArchive(target)).toBe(true)
  expect(isGoldenArchive(folder.folder)).toBe(false)
  const archive = new GoldenArchive(target)
  for (const source of [folder, archive]) {
    expect(source.hosts('7.2')).toEqual(['one'])
    expect(source.hosts('5.10')).toEqual([])
    expect(source.traceNames('7.2', 'one')).toEqual(['01-info.a'])
    expect(source.trace('7.2', 'one', '01-info.a')).toHaveLength(1)
    expect(source.trace('7.2', 'one', 'other')).toBeUndefined()
    expect(source.snapshot('7.2', 'one')?.text).toBe(SNAPSHOT)
    expect(source.masks('one')).toEqual({ '0000:01:00.0': { rw: '00', w1c: '00' } })
    expect(source.profiles()).toEqual({ '1234-11e8': { kind: 'edu' } })
    expect(source.seeds('one', '01-info.a')).toEqual({ '0000:01:00.0': { '0:0x4': '0x1' } })
    expect(source.seeds('one', 'other')).toBeUndefined()
  }
})

test('a machine is described from the first source that has each part', () => {
  const traces = { 'traces/7.2/one/01-info.a.jsonl': FILES['traces/7.2/one/01-info.a.jsonl'] }
  const machine = describeMachine('7.2', 'one', [
    new GoldenFolder(folderOf(traces)),
    new GoldenFolder(folderOf(FILES)),
  ])
  expect(machine.bind).toEqual(['0000:01:00.0'])
  expect(machine.facts.kind('0000:01:00.0')).toBe('1234-11e8')
  expect(machine.facts.iommuGroup('0000:01:00.0')).toBe(4)
  expect(machine.facts.boundTo('igb')).toEqual(['0000:02:00.0'])
  expect(Object.keys(machine.masks)).toEqual(['0000:01:00.0'])
})

test.each<[string, Readonly<Record<string, string>>, RegExp]>([
  ['no snapshot', { 'traces/7.2/one/a.jsonl': '' }, /expected a snapshot of one under 7\.2, found none/],
  ['a snapshot that is none', { 'snapshots/7.2/one/snapshot.json': '[]' }, /expected a sysfs snapshot/],
  [
    'a mask that is none',
    { ...FILES, 'masks/one.json': '{"0000:01:00.0":7}' },
    /masks\/one\.json: expected an object as "0000:01:00\.0", found 7/,
  ],
  ['masks that are none', { ...FILES, 'masks/one.json': 'junk' }, /masks\/one\.json: expected a JSON object/],
])('%s is refused', (_what, files, message) => {
  const source = new GoldenFolder(folderOf(files))
  expect(() => describeMachine('7.2', 'one', [source])).toThrow(message)
})

test('what a folder lacks of masks and profiles, each comes from the next', () => {
  const golden = {
    'snapshots/7.2/one/snapshot.json': SNAPSHOT,
    'masks/one.json': '{"0000:02:00.0":{"rw":"ff","w1c":"00"}}',
    'profiles/8086-10c9.json': '{"kind":"igb"}',
    'profiles/1234-11e8.json': '{"kind":"mine"}',
  }
  const { masks, profiles } = describeMachine('7.2', 'one', [
    new GoldenFolder(folderOf(golden)),
    new GoldenFolder(folderOf(FILES)),
  ])
  expect(Object.keys(masks).sort()).toEqual(['0000:01:00.0', '0000:02:00.0'])
  expect(profiles).toEqual({ '1234-11e8': { kind: 'mine' }, '8086-10c9': { kind: 'igb' } })
})

test.each<[string, RegExp]>([
  ['{"seeds":5}', /seeds\.json: expected an object as seeds, found 5/],
  ['{}', /expected an object as seeds, found nothing/],
  [
    '{"seeds":{"one":{"a":{"0000:01:00.0":{"4":"0x1"}}}}}',
    /expected BAR:0xOFFSET in seeds > one > a > .*found 4/,
  ],
  [
    '{"seeds":{"one":{"a":{"0000:01:00.0":{"0:0x4":"0xzz"}}}}}',
    /as seeds > one > a > 0000:01:00\.0 > 0:0x4, found 0xzz/,
  ],
])('seeds %s are refused', (text, message) => {
  const folder = new GoldenFolder(folderOf({ 'profiles/seeds.json': text }))
  expect(() => folder.seeds('one', 'a')).toThrow(message)
})

test('files beside the folders of hosts, and folders beside traces, are none', () => {
  const stray = { ...FILES, 'traces/7.2/README.md': '', 'traces/7.2/one/b.jsonl/c': '' }
  const folder = new GoldenFolder(folderOf(stray))
  expect(folder.hosts('7.2')).toEqual(['one'])
  expect(folder.traceNames('7.2', 'one')).toEqual(['01-info.a'])
  expect(() => folder.trace('7.2', 'one', 'b')).toThrow(/b\.jsonl: expected a file, found EISDIR/)
})

test('traces alone can be packed', () => {
  const target = folderOf({})
  packGolden(
    new GoldenFolder(folderOf({ 'traces/7.2/one/a.jsonl': FILES['traces/7.2/one/01-info.a.jsonl'] })),
    target,
  )
  expect(isGoldenArchive(target)).toBe(true)
  expect(new GoldenArchive(target).traceNames('7.2', 'one')).toEqual(['a'])
})

test('a folder that is not there is refused', () => {
  expect(() => new GoldenFolder('/no/such/folder')).toThrow(
    '/no/such/folder: expected a golden folder, found none',
  )
  expect(() => new GoldenArchive('/no/such/folder')).toThrow('expected packed traces')
})

test('a packed file that is damaged is refused', () => {
  const folder = folderOf({ 'devices.json.br': 'junk' })
  expect(() => new GoldenArchive(folder).profiles()).toThrow(/devices\.json\.br: expected brotli/)
})
