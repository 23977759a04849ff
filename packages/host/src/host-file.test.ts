import { createHost, readHostFile } from '@vfiokit/host'
import { STRATEGIES } from '@vfiokit/locking-strategies'
import { describe, expect, test } from 'vitest'
import { defectsOf, folderWith } from './fixtures/folder.ts'
import { SNAPSHOT } from './fixtures/machine.ts'

/** What is said about a host file, when it is read and when a host is made of it. */
const refused = (text: string) => {
  const folder = folderWith({ 'host.yaml': text })
  return defectsOf(() => createHost(readHostFile(`${folder}/host.yaml`)), folder)
}
const machine = `topology: {snapshot: ${SNAPSHOT}}`
const good = `vfiokit: host/1\n${machine}\n`

describe('a host file', () => {
  test.each(STRATEGIES.map(({ name }) => name))('takes strategy %s by name', async (strategy) => {
    const folder = folderWith({ 'host.yaml': `${good}strategy: ${strategy}\n` })
    expect((await createHost(readHostFile(`${folder}/host.yaml`))).strategy.name).toBe(strategy)
  })

  test('says what a host is made of, relative to its own folder', async () => {
    const folder = folderWith({
      'host.yaml':
        "vfiokit: host/1\nkernel: '6.1'\ntopology: {file: m.yaml}\nbind: ['00:03.0']\nstrategy: rfc-2021\n",
      'm.yaml':
        "vfiokit: topology/1\nfunctions:\n  - {bdf: '00:03.0', id: '1234:0002', class: '020000', iommuGroup: 1}\n",
    })
    const host = await createHost(readHostFile(`${folder}/host.yaml`))
    expect(host.core.profile.version).toBe('6.1')
    expect(host.strategy.name).toBe('rfc-2021')
    expect([...host.core.devices.keys()]).toEqual(['0000:00:03.0'])
  })

  test('gives vfio-pci its module options', async () => {
    const folder = folderWith({
      'host.yaml': `${good}moduleOptions: {enable_sriov: true, nointxmask: true}\n`,
    })
    const { bus } = await createHost(readHostFile(`${folder}/host.yaml`))
    expect([bus.enableSriov, bus.nointxmask, bus.disableIdleD3]).toEqual([true, true, false])
  })

  test.each([
    [
      'an unknown module option',
      `${good}moduleOptions: {nointx: true}\n`,
      "host.yaml:3:17: error: unknown key 'nointx' (expected one of disable_idle_d3, enable_sriov, nointxmask, found nointx)",
    ],
    [
      'an unknown key',
      `${good}strateyg: naive\n`,
      "host.yaml:3:1: error: unknown key 'strateyg': did you mean 'strategy'?",
    ],
    ['a missing topology', 'vfiokit: host/1\n', "host.yaml:1:1: error: 'topology' is missing"],
    [
      'another format',
      `vfiokit: host/2\n${machine}\n`,
      "host.yaml:1:10: error: 'vfiokit' is wrong (expected 'host/1', found 'host/2')",
    ],
    [
      'a list for a map',
      '- 1\n',
      'host.yaml:1:1: error: the document is wrong (expected a map, found a list)',
    ],
    [
      'text for a list',
      `${good}bind: all\n`,
      "host.yaml:3:7: error: 'bind' is wrong (expected a list, found 'all')",
    ],
    [
      'a number for a BDF',
      `${good}bind: [1]\n`,
      "host.yaml:3:8: error: 'bind[0]' is wrong (expected text, found 1)",
    ],
    [
      'a kernel without quotes',
      `${good}kernel: 6.1\n`,
      "host.yaml:3:9: error: 'kernel' is wrong (expected one of '5.10', '6.1', '6.12', '7.2', in quotes, found 6.1)",
    ],
    [
      'an unknown kernel',
      `${good}kernel: '4.4'\n`,
      "host.yaml:3:9: error: 'kernel' is wrong (expected one of '5.10', '6.1', '6.12', '7.2', in quotes, found '4.4')",
    ],
    [
      'an unknown strategy',
      `${good}strategy: nice\n`,
      'host.yaml:3:11: error: there is no such strategy (expected unmap-range, vma-list, rfc-2021, shared-inode, layered, vma-list-device-set, ordered, set-rwsem, found nice)',
    ],
    [
      'a typo in the topology',
      'vfiokit: host/1\ntopology: {snapshto: a.json}\n',
      "host.yaml:2:12: error: unknown key 'snapshto': did you mean 'snapshot'?",
    ],
    [
      'two sources of the topology',
      'vfiokit: host/1\ntopology: {snapshot: a.json, file: b.yaml}\n',
      "host.yaml:2:11: error: 'topology' is wrong (expected one of {snapshot: FILE}",
    ],
    [
      'a format without a file',
      'vfiokit: host/1\ntopology: {snapshot: a.json, format: yaml}\n',
      "host.yaml:2:11: error: 'topology' is wrong (expected one of {snapshot: FILE}",
    ],
    [
      'a bridge to bind',
      `${good}bind:\n  - '0000:00:01.0'\n`,
      'host.yaml:4:5: error: EINVAL not-a-device: 0000:00:01.0 is a bridge',
    ],
    [
      'a plugin that is not there',
      `${good}plugins:\n  - ./none.js\n`,
      'host.yaml:4:5: error: plugin ./none.js is not found',
    ],
    ['no YAML', 'vfiokit: [\n', 'host.yaml:2:1: error: '],
    ['an empty file', '', 'host.yaml:1:1: error: '],
    ['only a comment', '# nothing\n', 'host.yaml:'],
    ['a key that comes twice', `${good}kernel: '6.1'\nkernel: '7.2'\n`, 'host.yaml:4:1: error: '],
    ['binary junk', '\u0000\u0001\u0002', 'host.yaml:1:'],
  ])('is refused for %s', async (_what, text, message) => {
    const lines = await refused(text)
    expect(lines[0]).toContain(message)
    expect(lines).toHaveLength(1)
  })

  test('tells all its defects at once', async () => {
    const text = `vfiokit: host/1\n${machine}\nkernel: 7\nbind: 7\ncolour: red\nplugins: [1, a, 2]\n`
    expect(await refused(text)).toEqual([
      expect.stringMatching(/^host\.yaml:3:9: .*'kernel'/),
      expect.stringMatching(/^host\.yaml:4:7: .*'bind'/),
      expect.stringMatching(/^host\.yaml:6:11: .*'plugins\[0\]'/),
      expect.stringMatching(/^host\.yaml:6:17: .*'plugins\[2\]'/),
      expect.stringMatching(/^host\.yaml:5:1: .*unknown key 'colour'/),
    ])
  })

  test('is refused for aliases that explode, at once', async () => {
    const rows = Array.from(
      { length: 30 },
      (_, at) => `a${at + 1}: &a${at + 1} [${`*a${at}, `.repeat(9)}*a${at}]`,
    )
    const started = Date.now()
    const lines = await refused(`a0: &a0 [x]\n${rows.join('\n')}\n`)
    expect(lines.join('\n')).toMatch(/alias/)
    expect(Date.now() - started).toBeLessThan(5_000)
  })

  test('is refused when it is not there, or is a directory', async () => {
    const folder = folderWith({})
    expect(await defectsOf(() => readHostFile(`${folder}/none.yaml`), folder)).toEqual([
      'none.yaml: error: there is no such file [file-unreadable]',
    ])
    expect(await defectsOf(() => readHostFile(folder))).toEqual([
      `${folder}: error: a directory, not a file [file-unreadable]`,
    ])
  })
})

describe('an inline topology', () => {
  const inline = (functions: string) => `vfiokit: host/1\ntopology:\n  inline:\n    functions:\n${functions}`
  const one = "      - {bdf: '00:03.0', id: '1234:0002', class: '020000', iommuGroup: 1}\n"

  test('is a machine', async () => {
    const folder = folderWith({ 'host.yaml': inline(one) })
    const { topology, warnings } = await createHost(readHostFile(`${folder}/host.yaml`))
    expect(topology.functions.map(({ bdf }) => bdf)).toEqual(['0000:00:03.0'])
    expect(warnings).toEqual([])
  })

  test('has each of its faults at its place in the host file, and the rest is there', async () => {
    const bad =
      "      - bdf: '00:04.0'\n        id: '1234:0003'\n        class: blue\n        iommuGruop: 2\n"
    const folder = folderWith({ 'host.yaml': inline(one + bad) })
    const host = await createHost(readHostFile(`${folder}/host.yaml`))
    expect(host.topology.functions).toHaveLength(2)
    expect(host.warningLines.map((line) => line.replace(`${folder}/`, ''))).toEqual([
      expect.stringMatching(/^host\.yaml:8:16: warning: 'functions\[1\]\.class' is wrong \(expected a class/),
      expect.stringMatching(
        /^host\.yaml:9:\d+: warning: unknown key 'iommuGruop': did you mean 'iommuGroup'\?/,
      ),
    ])
  })

  test('without any function that can be used is refused', async () => {
    expect(await refused(inline('      - {id: 1}\n'))).toEqual([
      expect.stringMatching(/^host\.yaml:5:\d+: error: .*bdf/),
      expect.stringMatching(/^host\.yaml:5:\d+: error: .*id/),
    ])
  })
})
