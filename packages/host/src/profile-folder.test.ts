import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { complainPlainly } from './config-error.ts'
import { readProfileFolder } from './profile-folder.ts'

function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'vfiokit-profiles-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

test('a folder without profiles leaves everything to the tables', () => {
  const { functionProfiles, registerProfiles } = readProfileFolder(
    folderOf({ 'README.md': '' }),
    complainPlainly,
  )
  expect(functionProfiles!({ bdf: '0000:01:00.0' } as never)).toBeUndefined()
  expect(registerProfiles).toEqual({})
})

test('masks are found by BDF', () => {
  const folder = folderOf({ 'masks.json': '{"0000:01:00.0":{"rw":"ff","w1c":"00"}}' })
  const { functionProfiles } = readProfileFolder(folder, complainPlainly)
  expect(functionProfiles!({ bdf: '0000:01:00.0' } as never)).toEqual({ rw: 'ff', w1c: '00' })
})

test.each<[string, Readonly<Record<string, string>>, RegExp]>([
  ['a profile that is junk', { '1234-11e8.json': 'junk' }, /1234-11e8\.json/],
  ['masks that are junk', { 'masks.json': 'junk' }, /masks\.json.*cannot be read/],
])('%s is refused by name', (_what, files, message) => {
  const folder = folderOf(files)
  expect(() => readProfileFolder(folder, complainPlainly)).toThrow(message)
})

test('a folder that is not there is refused', () => {
  expect(() => readProfileFolder('/no/such', complainPlainly)).toThrow(/profiles: there is no such folder/)
})
