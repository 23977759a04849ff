import { createHost, type HostConfig } from '@vfiokit/host'
import { Bdf, ConfigComposer, TopologyBuilder } from '@vfiokit/topology'
import { describe, expect, test } from 'vitest'
import { outcome } from '../fixtures/outcome.ts'

const PF = '0000:00:03.0'

/** A function that can have four virtual ones and has none yet. */
function topologyWith(fields: Readonly<Record<string, number>>) {
  const config = new ConfigComposer(4096, { vendorId: 0x1234, deviceId: 1, classCode: 0x020000 })
    .capability({ id: 0x10, fields: { version: 2, type: 'endpoint' } })
    .capability({ id: 0x10, extended: true, fields: { ...SRIOV, ...fields } })
    .compose()
  return new TopologyBuilder().addFunction({ bdf: Bdf.parse(PF), iommuGroup: 0, config }).finish()
}
const SRIOV = { initialVfs: 4, totalVfs: 4, firstVfOffset: 8, vfStride: 1, vfDeviceId: 2 }

async function machine(config: Partial<HostConfig> = {}) {
  const topology = topologyWith({})
  const host = await createHost({ topology, bind: [PF], moduleOptions: { enable_sriov: true }, ...config })
  const { operator } = host
  return {
    host,
    write: (value: string) => outcome(() => operator.writeAttribute(PF, 'sriov_numvfs', value)),
    read: (name: string, device = PF) => outcome(() => operator.readAttribute(device, name)),
  }
}

describe('sriov_numvfs', () => {
  test('makes virtual functions, which are there like any other', async () => {
    const { host, write, read } = await machine()
    expect([await read('sriov_numvfs'), await write('2'), await read('sriov_numvfs')]).toEqual([
      '0',
      undefined,
      '2',
    ])
    expect([await read('virtfn0'), await read('virtfn1'), await read('virtfn2')]).toEqual([
      '0000:00:04.0',
      '0000:00:04.1',
      'ENOENT',
    ])
    const first = '0000:00:04.0'
    expect([await read('physfn', first), await read('driver', first), await read('device', first)]).toEqual([
      PF,
      'vfio-pci',
      '0x0002',
    ])
    expect(host.topology.functions).toHaveLength(3)
  })

  test('0 removes them', async () => {
    const { host, write, read } = await machine()
    await write('2')
    expect([await write('0'), await read('sriov_numvfs')]).toEqual([undefined, '0'])
    expect([await read('virtfn0'), await read('vendor', '0000:00:04.0')]).toEqual(['ENOENT', 'ENODEV'])
    expect(host.core.locks.busy()).toEqual([])
  })

  test('is refused in the order of the kernel', async () => {
    const { write } = await machine()
    expect([await write('x'), await write('65536'), await write('5'), await write('0')]).toEqual([
      'EINVAL',
      'EINVAL',
      'ERANGE',
      undefined,
    ])
    await write('2')
    expect([await write('2'), await write('3')]).toEqual([undefined, 'EBUSY'])
  })

  test.each([
    ['whose numbers contradict each other', { initialVfs: 3 }, 'EIO'],
    ['whose virtual ones would be on no bus', { firstVfOffset: 0xfff0 }, 'ENOMEM'],
  ])('fails for a function %s', async (_what, fields, errno) => {
    const { write, read } = await machine({ topology: topologyWith(fields) })
    expect([await write('1'), await read('sriov_numvfs')]).toEqual([errno, '0'])
  })

  test('needs a driver that makes them: vfio-pci does so only with enable_sriov', async () => {
    const off = await machine({ moduleOptions: {} })
    const unbound = await machine({ bind: [] })
    expect([await off.write('1'), await unbound.write('1')]).toEqual(['ENOENT', 'ENOENT'])
  })

  test('waits while somebody else has the function locked', async () => {
    const { host, write, read } = await machine()
    const lock = host.bus.locks.of(Bdf.parse(PF))
    expect(lock.tryTake('write')).toBe(true)
    const written = write('1')
    expect(await read('sriov_numvfs')).toBe('0')
    lock.drop('write')
    expect([await written, await read('sriov_numvfs')]).toEqual([undefined, '1'])
  })
})
