import { fileURLToPath } from 'node:url'
import { readTopologyFile } from '@vfiokit/topology/node'
import { expect, test } from 'vitest'
import { passthroughReport } from './passthrough-report.ts'

const machine = readTopologyFile(fileURLToPath(new URL('../demo/multifn.json', import.meta.url)))

test('every card has a row with its verdict, its group and its reset methods', async () => {
  const report = await passthroughReport(machine)
  expect(report).toContain(
    '| 0000:01:00.0 | Red Hat, Inc. QEMU NVM Express Controller | ready | 4 | flr bus |',
  )
  expect(report).toContain('| 0000:01:00.2 | unknown | ready | 4 | - |')
  expect(report).not.toContain('| 0000:00:01.0 |')
})

test('what is not ready has numbered steps', async () => {
  const report = await passthroughReport(machine)
  expect(report).toMatch(/## 0000:00:1f\.2 can be given away.*\n\n1\. /)
})
