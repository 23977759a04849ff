import { readScenarioFile, runScenario } from '@vfiokit/host'
import { describe, expect, test } from 'vitest'
import { defectsOf, folderWith } from '../fixtures/folder.ts'
import { SNAPSHOT } from '../fixtures/machine.ts'

const HOST_FILE = `vfiokit: host/1\ntopology: {snapshot: ${SNAPSHOT}}\nbind: ['01:00.0', '0000:01:00.2']\n`
const HEAD = `vfiokit: scenario/1
host: host.yaml
processes: [vm0, vm1]
devices: {nvme: '0000:01:00.0'}
mappings:
  bar: {process: vm0, device: nvme, region: 0, offset: 0, length: 0x1000}
`
const task = (steps: string): string => `tasks:\n  - {name: cpu, process: vm0, do: [${steps}]}\n`
const GOOD = HEAD + task('{load: {mapping: bar, offset: 0, width: 4}}')

/** What is said about a scenario, when it is read and when it is run. */
const refused = (text: string, host = HOST_FILE) => {
  const folder = folderWith({ 'scenario.yaml': text, 'host.yaml': host })
  return defectsOf(() => runScenario(readScenarioFile(`${folder}/scenario.yaml`)), folder)
}

test('a good file runs, and may write a BDF as lspci does', async () => {
  expect(await refused(GOOD)).toEqual([])
  expect(await refused(GOOD.replace("'0000:01:00.0'", "'01:00.0'"))).toEqual([])
})

test('the host file is found beside the scenario', async () => {
  const folder = folderWith({
    'a/scenario.yaml': GOOD.replace('host.yaml', '../host.yaml'),
    'host.yaml': HOST_FILE,
  })
  expect(readScenarioFile(`${folder}/a/scenario.yaml`).host.folder).toBe(folder)
})

describe('a scenario file is refused for', () => {
  /** `§` stands where the defect is. */
  const cases: Readonly<Record<string, readonly [text: string, message: string]>> = {
    'an unknown key': [`${GOOD}§sede: 1\n`, "unknown key 'sede': did you mean 'seed'?"],
    'an unknown step': [HEAD + task('{§laod: {mapping: bar}}'), "unknown key 'laod': did you mean 'load'?"],
    'an unknown argument': [
      HEAD + task('{reset: {§devcie: x, device: nvme}}'),
      "unknown key 'devcie': did you mean 'device'?",
    ],
    'two steps in one entry': [
      HEAD + task('§{reset: {device: nvme}, flr: {device: nvme}}'),
      "'tasks[0].do[0]' is wrong (expected one step of load, store,",
    ],
    'an entry without a step': [
      HEAD + task('§{repeat: 2}'),
      "'tasks[0].do[0]' is wrong (expected one step of load, store,",
    ],
    'a task without steps': [
      HEAD + task('').replace('[]', '§[]'),
      "'tasks[0].do' is wrong (expected at least 1 entries",
    ],
    'no task': [`${HEAD}tasks: §[]\n`, "'tasks' is wrong (expected at least 1 entries"],
    'an unknown device': [
      HEAD + task('{reset: {device: §nmve}}'),
      'there is no device of this name (expected nvme, found nmve)',
    ],
    'an unknown device in groups': [
      HEAD + task('{hot-reset: {device: nvme, groups: [nvme, §x]}}'),
      'there is no device of this name (expected nvme, found x)',
    ],
    'an unknown mapping': [
      HEAD + task('{munmap: {mapping: §b}}'),
      'there is no mapping of this name (expected bar, found b)',
    ],
    'a mapping named like what every object has': [
      HEAD + task('{munmap: {mapping: §toString}}'),
      'there is no mapping of this name (expected bar, found toString)',
    ],
    'an unknown process of a task': [
      GOOD.replace('cpu, process: vm0', 'cpu, process: §vm9'),
      'there is no process of this name (expected vm0, vm1, found vm9)',
    ],
    'an unknown process of a mapping': [
      GOOD.replace('bar: {process: vm0', 'bar: {process: §vm9'),
      'there is no process of this name (expected vm0, vm1, found vm9)',
    ],
    'an unknown device of a mapping': [
      GOOD.replace('vm0, device: nvme', 'vm0, device: §x'),
      'there is no device of this name (expected nvme, found x)',
    ],
    'a mapping of another process': [
      GOOD.replace('cpu, process: vm0', 'cpu, process: vm1').replace('mapping: bar', 'mapping: §bar'),
      'bar is a mapping of another process (expected a mapping of vm1, found one of vm0)',
    ],
    'an offset below nothing': [
      GOOD.replace('bar, offset: 0', 'bar, offset: §-1'),
      "'tasks[0].do[0].load.offset' is wrong (expected at least 0, found -1)",
    ],
    'an access behind its mapping': [
      GOOD.replace('bar, offset: 0', 'bar, offset: §0xffd'),
      'the access is outside of its mapping (expected at most 4092: bar has 4096 bytes, found 4093)',
    ],
    'a width that no processor has': [
      GOOD.replace('width: 4', 'width: §3'),
      "'tasks[0].do[0].load.width' is wrong (expected 1 or 2 or 4 or 8, found 3)",
    ],
    'a value wider than its store': [
      HEAD + task('{store: {mapping: bar, offset: 0, width: 1, value: §256}}'),
      "'tasks[0].do[0].store.value' is wrong (expected a value that fits the width, found 256)",
    ],
    'half a byte': [
      HEAD + task('{write: {device: nvme, region: 7, offset: 4, data: §abc}}'),
      "'tasks[0].do[0].write.data' is wrong (expected bytes in hexadecimal",
    ],
    'a region that no offset can say': [
      GOOD.replace('region: 0', 'region: §8192'),
      "'mappings.bar.region' is wrong (expected at most 8191, found 8192)",
    ],
    'an offset in the next region': [
      GOOD.replace('region: 0, offset: 0', 'region: 0, offset: §0x10000000000'),
      "'mappings.bar.offset' is wrong (expected at most",
    ],
    'a mapping of nothing': [
      GOOD.replace('length: 0x1000', 'length: §0'),
      "'mappings.bar.length' is wrong (expected at least 1, found 0)",
    ],
    'what is no address': [
      GOOD.replace("'0000:01:00.0'", '§nvme0'),
      'not a PCI address (expected dddd:bb:dd.f, found nvme0)',
    ],
    'a second task of a name': [
      `${GOOD}  - {name: §cpu, process: vm0, do: [{reset: {device: nvme}}]}\n`,
      'a second task of this name (expected a name of its own, found cpu)',
    ],
    'a second process of a name': [
      GOOD.replace('[vm0, vm1]', '[vm0, §vm0]'),
      'a second process of this name (expected a name of its own, found vm0)',
    ],
    'a second mapping of a name': [
      GOOD.replace('tasks:', '  §bar: {process: vm0, device: nvme, region: 0, offset: 0, length: 1}\ntasks:'),
      '',
    ],
    'a seed that the generator does not keep': [
      `${GOOD}seed: §4294967296\n`,
      "'seed' is wrong (expected at most 4294967295",
    ],
    'a range of invariants that runs backwards': [
      `${GOOD}check: [§I5-I3]\n`,
      "'check[0]' is wrong (expected deadlock, locks-left, I1 to I8, or a range such as I1-I8, found 'I5-I3')",
    ],
    'an invariant that there is not': [`${GOOD}check: [§I9]\n`, "'check[0]' is wrong"],
    'a verdict that there is not': [
      `${GOOD}expect: {naive: §good}\n`,
      "'expect.naive' is wrong (expected 'ok' or 'violation' or",
    ],
    'an unknown strategy to run': [
      `${GOOD}strategies: [naive, §nice]\n`,
      'there is no such strategy (expected unmap-range, vma-list, rfc-2021, shared-inode, layered, vma-list-device-set, ordered, set-rwsem, found nice)',
    ],
    'an unknown strategy to expect': [
      `${GOOD}expect: {unmap-rnage: §ok}\n`,
      'there is no such strategy (expected unmap-range',
    ],
    'a syntax error': ['vfiokit: scenario/1\nhost: [\n§', ''],
  }

  test.each(Object.entries(cases))('%s', async (_what, [marked, message]) => {
    const before = marked.slice(0, marked.indexOf('§')).split('\n')
    const place = `scenario.yaml:${before.length}:${before.at(-1)!.length + 1}: error: `
    const lines = await refused(marked.replace('§', ''))
    expect(lines[0]).toContain(place + message)
    expect(lines).toHaveLength(1)
  })

  test('all its defects at once', async () => {
    const steps = '{load: {mapping: x, offset: 0, width: 4}}, {reset: {device: y}}, {mmap: {mapping: z}}'
    const text = HEAD.replace('[vm0, vm1]', '[vm0, vm0]').replace("'0000:01:00.0'", 'no') + task(steps)
    expect(await refused(text)).toEqual([
      expect.stringMatching(/^scenario\.yaml:3:18: .*\[repeated-process\]/),
      expect.stringMatching(/^scenario\.yaml:4:17: .*\[bdf-syntax\]/),
      expect.stringMatching(/^scenario\.yaml:8:\d+: .*\[unknown-mapping\]/),
      expect.stringMatching(/^scenario\.yaml:8:\d+: .*\[unknown-device\]/),
      expect.stringMatching(/^scenario\.yaml:8:\d+: .*\[unknown-mapping\]/),
    ])
  })

  test('a host file that is not there, is another kind of file, or has defects', async () => {
    expect(await refused(GOOD.replace('host.yaml', 'none.yaml'))).toEqual([
      'none.yaml: error: there is no such file [file-unreadable]',
    ])
    expect(await refused(GOOD, GOOD)).toContainEqual(
      expect.stringMatching(/^host\.yaml:1:10: error: 'vfiokit' is wrong/),
    )
    expect(await refused(GOOD, `${HOST_FILE}kernal: '7.2'\n`)).toEqual([
      expect.stringMatching(/^host\.yaml:4:1: error: unknown key 'kernal': did you mean 'kernel'\?/),
    ])
  })
})

describe('what the host does not have is told at its place in the scenario:', () => {
  test('a device that it does not bind', async () => {
    expect(await refused(GOOD.replace("'0000:01:00.0'", "'0000:01:00.1'"))).toEqual([
      'scenario.yaml:4:17: error: device nvme cannot be opened (found ENODEV no-device: the host does not bind 0000:01:00.1 to vfio-pci) [stage-refused]',
    ])
  })

  test('regions, offsets and protections that cannot be mapped, all of them', async () => {
    const more = `  none: {process: vm0, device: nvme, region: 9, offset: 0, length: 0x1000}
  far: {process: vm0, device: nvme, region: 0, offset: 0x100000, length: 0x1000}
  odd: {process: vm0, device: nvme, region: 0, offset: 1, length: 0x1000}
  config: {process: vm0, device: nvme, region: 7, offset: 0, length: 0x1000}
`
    expect(await refused(GOOD.replace('tasks:', `${more}tasks:`))).toEqual([
      expect.stringMatching(
        /^scenario\.yaml:7:9: error: none cannot be mapped \(found EINVAL .*\[stage-refused\]$/,
      ),
      expect.stringMatching(/^scenario\.yaml:8:8: error: far cannot be mapped \(found EINVAL /),
      expect.stringMatching(/^scenario\.yaml:9:8: error: odd cannot be mapped \(found EINVAL /),
      expect.stringMatching(/^scenario\.yaml:10:11: error: config cannot be mapped \(found EINVAL /),
    ])
  })

  test('a region that a plugin failed to make, with what the plugin said', async () => {
    const folder = folderWith({
      'scenario.yaml': GOOD.replace('region: 0', 'region: 9'),
      'host.yaml': `${HOST_FILE}plugins: [./broken.mjs]\n`,
      'broken.mjs': `export default { kind: '@vfiokit/Plugin', name: 'broken', api: 1, regionProviders: [
        { name: 'broken', matches: () => true, open: () => { throw new Error('no firmware') } }] }`,
    })
    const lines = await defectsOf(() => runScenario(readScenarioFile(`${folder}/scenario.yaml`)), folder)
    expect(lines).toEqual([
      expect.stringMatching(
        /^scenario\.yaml:6:8: error: bar cannot be mapped \(found EINVAL .*; broken on 0000:01:00\.0: open failed: no firmware\)/,
      ),
    ])
  })

  test('a capability that a step writes', async () => {
    const edu = HEAD.replace("nvme: '0000:01:00.0'", "nvme: '0000:01:00.0', edu: '0000:01:00.2'")
    const steps = '{flr: {device: nvme}}, {flr: {device: edu}}, {power: {device: edu, state: D0}}'
    expect(await refused(edu + task(steps))).toEqual([
      expect.stringMatching(
        /^scenario\.yaml:8:65: error: the device has no PCI Express capability \[no-capability\]/,
      ),
      expect.stringMatching(/^scenario\.yaml:8:\d+: error: the device has no Power Management capability/),
    ])
  })
})
