import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { fleetCheck } from './fleet-check.ts'

const SNAPSHOT = fileURLToPath(new URL('../demo/multifn.json', import.meta.url))

test('one line for each machine, whatever its format, and for what is none', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vfiokit-fleet-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  copyFileSync(SNAPSHOT, join(folder, 'a.json'))
  writeFileSync(join(folder, 'b.txt'), '00:02.0 VGA compatible controller\n00: 86 80 16 16\n')
  writeFileSync(join(folder, 'c.txt'), 'shopping list\n')
  expect(fleetCheck(folder)).toEqual([
    'a.json: 15 functions, 9 on vfio-pci, 0 groups that are not as predicted, 12 without a reset, 0 faults',
    expect.stringMatching(
      /^b\.txt: 1 functions, 0 on vfio-pci, 0 groups that are not as predicted, 0 without/,
    ),
    'c.txt: cannot be read: format is not recognised',
  ])
})
