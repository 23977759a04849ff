import * as hardware from '@vfiokit/hardware/module'
import { createHost, type HostConfig } from '@vfiokit/host'
import * as locking from '@vfiokit/locking/module'
import { STRATEGIES, unmapRange } from '@vfiokit/locking-strategies'
import * as strategies from '@vfiokit/locking-strategies/module'
import { definePlugin, type RegionProvider, type TopologyReader } from '@vfiokit/plugin'
import { Bdf, TopologyBuilder } from '@vfiokit/topology'
import * as topology from '@vfiokit/topology/module'
import { KERNEL_VERSIONS } from '@vfiokit/vfio-core'
import * as vfioCore from '@vfiokit/vfio-core/module'
import * as vfioPci from '@vfiokit/vfio-pci/module'
import type { ServiceIdentifier } from 'inversify'
import { describe, expect, test } from 'vitest'
import { defectsOf, folderWith } from './fixtures/folder.ts'
import { DEVICES, HOST, SNAPSHOT } from './fixtures/machine.ts'

const INLINE = {
  functions: [
    { bdf: '0000:00:02.0', id: '1234:0001', class: '020000', iommuGroup: 0, driver: 'e1000e' },
    { bdf: '0000:00:03.0', id: '1234:0002', class: '020000', iommuGroup: 1 },
  ],
}
const NIC: HostConfig = { topology: { inline: INLINE }, bind: ['00:03.0'] }
const provider: RegionProvider = { name: 'none', matches: () => false, open: () => [] }
const strategyCalled = (name: string) => ({ ...unmapRange, name })

describe('every token of every module', () => {
  const modules = { topology, hardware, locking, strategies, vfioCore, vfioPci }
  const tokens = Object.entries(modules).flatMap(([module, exported]) =>
    Object.entries(exported)
      .filter(([, value]) => typeof value === 'symbol')
      .map(([name, token]) => [`${module} ${name}`, token as unknown as ServiceIdentifier] as const),
  )

  test('is found', () => expect(tokens.length).toBeGreaterThanOrEqual(14))

  test.each(tokens)('%s resolves', async (_name, token) => {
    const reader: TopologyReader = {
      format: 'none',
      recognises: () => false,
      read: () => new TopologyBuilder().finish(),
    }
    const plugin = definePlugin({
      name: 'all',
      api: 1,
      regionProviders: [provider],
      variantDrivers: [{ name: 'none', matches: () => false, open: () => ({}) }],
      capabilityHandlers: [{ name: 'none', matches: () => false, id: 9, lengthBytes: 8, registers: [] }],
      resetMethods: [{ name: 'none', matches: () => false, reset: () => {} }],
      lockingStrategies: [strategyCalled('mine')],
      topologyReaders: [reader],
    })
    const { container } = await createHost({ ...NIC, plugins: [plugin] })
    const resolved = container.getAll(token, { optional: true })
    // No package binds these: they are for whoever knows a machine better than a snapshot does.
    const { FUNCTION_PROFILE_SOURCE, DEVICE_MODEL_FACTORY, FIRMWARE } = hardware
    const isOpen = [FUNCTION_PROFILE_SOURCE, DEVICE_MODEL_FACTORY, FIRMWARE].includes(token as never)
    expect(resolved.length).toBeGreaterThanOrEqual(isOpen ? 0 : 1)
    expect(resolved).not.toContain(undefined)
  })
})

describe('a host', () => {
  test('has what its config names', async () => {
    const host = await createHost(HOST)
    expect([...host.core.devices.keys()]).toEqual(Object.values(DEVICES))
    expect(host.plugins.map(({ name }) => name)).toEqual(['@vfiokit/region-acme-sample'])
    expect(host.topology.functions).toHaveLength(15)
    expect(host.warnings).toEqual([])
  })

  test('takes a topology as it is', async () => {
    const { topology } = await createHost(NIC)
    expect((await createHost({ topology })).topology).toBe(topology)
  })

  test.each([
    ['5.10', 'vma-list'],
    ['6.1', 'vma-list-device-set'],
    ['6.12', 'unmap-range'],
    ['7.2', 'unmap-range'],
  ] as const)('of kernel %s locks as %s', async (kernel, strategy) => {
    const host = await createHost({ ...NIC, kernel })
    expect([host.core.profile.version, host.strategy.name]).toEqual([kernel, strategy])
  })

  test('knows all kernels of that table, and is the newest without being told', async () => {
    expect(KERNEL_VERSIONS).toEqual(['5.10', '6.1', '6.12', '7.2'])
    expect((await createHost(NIC)).core.profile.version).toBe('7.2')
  })

  test.each([
    [undefined, true],
    [true, true],
    [false, false],
  ])('with fairLocks %s has locks that are fair: %s', async (fairLocks, fair) => {
    const host = await createHost({ ...NIC, fairLocks })
    expect(host.core.locks.mutex('probe').fair).toBe(fair)
    expect(host.core.process('vm').process.mmapLock.fair).toBe(fair)
  })

  test.each([...STRATEGIES.map(({ name }) => name), 'naive', 'zap-before-lock'])(
    'runs %s when it is named',
    async (strategy) => {
      expect((await createHost({ ...NIC, strategy })).strategy.name).toBe(strategy)
    },
  )

  test('runs a strategy object, and one of a plugin by name', async () => {
    const mine = strategyCalled('mine')
    expect((await createHost({ ...NIC, strategy: mine })).strategy).toBe(mine)
    const plugin = definePlugin({ name: 'p', api: 1, lockingStrategies: [mine] })
    const host = await createHost({ ...NIC, plugins: [plugin], strategy: 'mine' })
    expect(host.strategy).toBe(mine)
    expect(host.strategies).toEqual([...STRATEGIES, mine])
  })

  test('reads a file with the reader of a plugin', async () => {
    const folder = folderWith({ 'machine.toy': 'TOY' })
    const reader: TopologyReader = {
      format: 'toy',
      recognises: (text) => text.startsWith('TOY'),
      read: () => new TopologyBuilder().addFunction({ bdf: Bdf.parse('00:05.0') }).finish(),
    }
    const plugin = definePlugin({ name: 'toys', api: 1, topologyReaders: [reader] })
    const config = { topology: { file: 'machine.toy' }, folder, plugins: [plugin] }
    expect((await createHost(config)).topology.functions.map(({ bdf }) => bdf)).toEqual(['0000:00:05.0'])
  })

  test('names a reader that throws', async () => {
    const folder = folderWith({ 'machine.toy': 'TOY' })
    const reader: TopologyReader = {
      format: 'toy',
      recognises: () => true,
      read: () => {
        throw new Error('no toys today')
      },
    }
    const plugin = definePlugin({ name: 'toys', api: 1, topologyReaders: [reader] })
    const config = { topology: { file: 'machine.toy', format: 'toy' }, folder, plugins: [plugin] }
    expect(await defectsOf(() => createHost(config))).toEqual([
      'error: topology: a topology reader failed (found no toys today) [reader-failed]',
    ])
  })

  test('tells at once of a plugin that throws, and opens the device without its regions', async () => {
    const broken: RegionProvider = {
      name: 'broken',
      matches: () => true,
      open: () => {
        throw new Error('no firmware')
      },
    }
    const told: string[] = []
    const host = await createHost({
      ...NIC,
      plugins: [definePlugin({ name: 'b', api: 1, regionProviders: [broken] })],
      onPluginFailure: ({ plugin, member }) => void told.push(`${plugin} ${member}`),
    })
    const process = host.vfio.process('vm')
    expect(told).toEqual([])
    const { openDeviceIn, openGroup } = await import('@vfiokit/vfio-core')
    const { runLive } = await import('@vfiokit/locking')
    const group = await runLive(openGroup(process.calls, 1))
    const device = await runLive(openDeviceIn(process.calls, group, '0000:00:03.0'))
    expect((await runLive(device.info())).regionCount).toBe(9)
    expect(told).toEqual(['broken open'])
    expect(host.bus.failureLines).toEqual(['broken on 0000:00:03.0: open failed: no firmware'])
  })
})

describe('a host is refused for', () => {
  const refused = (config: Partial<HostConfig>) => defectsOf(() => createHost({ ...NIC, ...config }))

  test('a kernel that is not known', async () => {
    expect(await refused({ kernel: '4.4' as never })).toEqual([
      'error: kernel: no kernel that is known (expected 5.10, 6.1, 6.12, 7.2, found 4.4) [kernel-unknown]',
    ])
  })

  test('a strategy that nobody has, with those there are', async () => {
    expect(await refused({ strategy: 'unmap-rnage' })).toEqual([
      'error: strategy: there is no such strategy (expected unmap-range, vma-list, rfc-2021, shared-inode, layered, vma-list-device-set, ordered, set-rwsem, found unmap-rnage) [strategy-unknown]',
    ])
  })

  test('functions that cannot be bound, each with the reason', async () => {
    const snapshot = { ...HOST, plugins: [] }
    const bind = ['0000:09:00.0', 'nvme', '0000:00:01.0', '0000:01:00.0', '01:00.0']
    expect(await refused({ ...snapshot, bind })).toEqual([
      'error: bind.0: ENODEV no-device: 0000:09:00.0 is not in the machine (expected a function of the topology, found 0000:09:00.0) [bind-refused]',
      'error: bind.1: not a PCI address (expected dddd:bb:dd.f, found nvme) [bdf-syntax]',
      'error: bind.2: EINVAL not-a-device: 0000:00:01.0 is a bridge (expected an endpoint in an IOMMU group, found 0000:00:01.0) [bind-refused]',
      'error: bind.4: EBUSY no-device: 0000:01:00.0 is driven by vfio-pci (expected a function that no driver has, named once, found 01:00.0) [bind-refused]',
    ])
  })

  test('a function that another driver has', async () => {
    expect(await refused({ bind: ['0000:00:02.0'] })).toEqual([
      'error: bind.0: EBUSY no-device: 0000:00:02.0 is driven by e1000e (expected a function that no driver has, named once, found 0000:00:02.0) [bind-refused]',
    ])
  })

  test('a topology without functions', async () => {
    expect(await refused({ topology: new TopologyBuilder().finish() })).toEqual([
      'error: topology: the topology is empty (expected a function at least, found none) [topology-empty]',
    ])
    expect(await refused({ topology: { inline: { functions: [] } } })).toHaveLength(1)
  })

  test('a snapshot that is not there, or no snapshot', async () => {
    const folder = folderWith({ 'junk.json': 'not json', 'list.json': '[1, 2]', empty: '' })
    const at = (snapshot: string) =>
      defectsOf(() => createHost({ ...NIC, topology: { snapshot }, folder }), folder)
    expect(await at('missing.json')).toEqual(['missing.json: error: there is no such file [file-unreadable]'])
    expect(await at('junk.json')).toEqual([
      expect.stringMatching(/^junk\.json:1:\d+: error: .*\[json-syntax\]$/),
    ])
    expect(await at('list.json')).toEqual([expect.stringMatching(/^list\.json.*\[sysfs-malformed\]$/)])
    expect(await at('empty')).toHaveLength(1)
    expect(await at('.')).toEqual([expect.stringContaining('a directory, not a file')])
  })

  test('a file of a format that nobody reads', async () => {
    const folder = folderWith({ 'a.txt': 'hello' })
    const topology = { file: 'a.txt' }
    expect(await defectsOf(() => createHost({ topology, folder }), folder)).toEqual([
      expect.stringMatching(/^a\.txt: error: format is not recognised \(expected .*yaml.*, found 'hello'\)/),
    ])
    const other = { file: SNAPSHOT, format: 'toy' }
    expect(await defectsOf(() => createHost({ topology: other, folder }))).toEqual([
      expect.stringContaining('no such format'),
    ])
  })
})
