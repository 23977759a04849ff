import { createHost, readHostFile } from '@vfiokit/host'
import { Bdf } from '@vfiokit/topology'
import { expect, test } from 'vitest'
import { folderWith } from './fixtures/folder.ts'

const TOPOLOGY = 'topology: {inline: {functions: [{bdf: "0000:00:02.0", id: "8086:3e98", class: "030000"}]}}'
const host = (firmware: string, files: Readonly<Record<string, string>> = {}) =>
  readHostFile(
    `${folderWith({ 'host.yaml': `vfiokit: host/1\n${TOPOLOGY}\nfirmware:\n${firmware}`, ...files })}/host.yaml`,
  )

test('firmware of a host file is the memory and the numbers of its machine', async () => {
  const config = host(
    '  memory: [{start: "0x7d000000", file: opregion.bin, sizeBytes: 8192}]\n' +
      '  properties: {"0000:00:02.0": {size: 4096, base: "0x8000000000000000"}}\n',
    { 'opregion.bin': 'IntelGraphicsMem' },
  )
  const { machine } = (await createHost(config)).bus
  const out = new Uint8Array(5)
  machine.memory.window(0x7d00_0000n, 8192).read(0, out)
  expect(new TextDecoder().decode(out)).toBe('Intel')
  const bdf = Bdf.parse('00:02.0')
  expect([machine.property(bdf, 'size'), machine.property(bdf, 'base')]).toEqual([4096n, 2n ** 63n])
  expect(machine.property(bdf, 'other')).toBeUndefined()
})

test.each([
  ['a file that is not there', '  memory: [{start: 0, file: none.bin}]', /none\.bin/],
  ['neither size nor file', '  memory: [{start: 0}]', /sizeBytes, or a file/],
  ['an address that is none', '  memory: [{start: "7d", sizeBytes: 1}]', /hexadecimal/],
  ['a place that is none', '  properties: {x: {a: 1}}', /host\.yaml:\d+.*no place of a function/],
])('%s is told with its place', (_what, firmware, message) => {
  expect(() => host(firmware)).toThrow(message)
})

test('memory that overlaps is refused when the host is made', async () => {
  const config = host('  memory: [{start: 0, sizeBytes: 16}, {start: 8, sizeBytes: 16}]')
  await expect(createHost(config)).rejects.toThrow('memory at 0x8 overlaps')
})
