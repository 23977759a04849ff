import { fileURLToPath } from 'node:url'
import {
  Bdf,
  type FunctionReport,
  predictGroups,
  predictResetMethods,
  reportLines,
  resetDomain,
  type Topology,
  TopologyBuilder,
  topologyReport,
  writeReport,
} from '@vfiokit/topology'
import { readTopologyFile } from '@vfiokit/topology/node'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { anyMachine, at, machine, pcie } from './fixtures/machines.ts'

const recorded = (name: string): Topology =>
  readTopologyFile(fileURLToPath(new URL(`./fixtures/${name}.json.gz`, import.meta.url)))

test('every key of a function, in order', () => {
  const topology = machine(pcie(at(0, 1), { type: 'root-port', acs: true, window: [1, 1] }), {
    ...pcie(at(1, 0), { type: 'endpoint' }),
    driver: 'nvme',
    iommuGroup: 4,
    bars: [{ index: 0, kind: 'memory', width: 64, prefetchable: true, address: 2n ** 63n, sizeBytes: 4096 }],
  })
  const [, fn] = topologyReport(topology).functions
  expect(JSON.parse(JSON.stringify(fn))).toEqual({
    bdf: '0000:01:00.0',
    vendorId: '0x1b36',
    deviceId: '0x0010',
    class: '0x010802',
    revision: '0x00',
    driver: 'nvme',
    slot: null,
    bus: '0000:01',
    parent: '0000:00:01.0',
    type: 'endpoint',
    bars: [
      {
        index: 0,
        kind: 'memory',
        width: 64,
        prefetchable: true,
        address: '0x8000000000000000',
        sizeBytes: 4096,
      },
    ],
    capabilities: [{ id: '0x10', offset: 64, name: 'pci-express' }],
    resetMethods: ['flr', 'bus'],
    hotReset: {
      reported: ['0000:01:00.0'],
      deviceSet: ['0000:01:00.0'],
      possible: true,
      reason: 'nothing else is hit',
    },
    iommuGroup: {
      actual: ['0000:01:00.0'],
      predicted: ['0000:01:00.0'],
      asLinuxEnables: ['0000:01:00.0'],
      why: 'nothing joins it to another function',
    },
  })
})

test('what is not known is null', () => {
  const [fn] = topologyReport(machine({ bdf: at(0, 1), vendorId: 1, deviceId: 2 })).functions
  expect(fn).toMatchObject({ driver: null, slot: null, parent: null, capabilities: null })
  expect(fn?.iommuGroup.actual).toBeNull()
})

test('slots, buses and faults', () => {
  const report = topologyReport(
    new TopologyBuilder()
      .addFunction({ bdf: at(0, 1), vendorId: 1, deviceId: 2, classCode: 0x060400 })
      .addSlot({ name: '7', domain: 0, bus: 0, device: 1 })
      .finish(),
  )
  expect(report.buses).toEqual([{ bus: '0000:00', kind: 'root', bridge: null, functions: ['0000:00:01.0'] }])
  expect(report.slots).toEqual([
    { name: '7', address: '0000:00:01', resettable: false, functions: ['0000:00:01.0'] },
  ])
  expect(report.faults.map((fault) => fault.code)).toEqual(['bridge-without-bus-numbers'])
})

test.each(['sriov-7.2', 'multifn-7.2', 'convpci-7.2', 'endpoints-7.2'])(
  '%s: groups and reset methods are those that the kernel recorded',
  (name) => {
    const topology = recorded(name)
    for (const [index, fn] of topologyReport(topology).functions.entries()) {
      const { actual, asLinuxEnables } = fn.iommuGroup
      if (actual !== null) expect(asLinuxEnables).toEqual(actual)
      const methods = topology.functions[index]!.resetMethods
      if (methods !== undefined) expect(fn.resetMethods).toEqual(methods)
    }
  },
)

test('any machine: a report says what each question alone says', () => {
  fc.assert(
    fc.property(anyMachine, (topology) => {
      const { functions, buses } = topologyReport(topology)
      const groups = predictGroups(topology, { acs: 'as-found' })
      expect(functions.map(({ bdf }) => bdf)).toEqual(topology.functions.map((fn) => fn.bdf))
      expect(buses.flatMap((bus) => bus.functions).sort(Bdf.compare)).toEqual(functions.map(({ bdf }) => bdf))
      for (const fn of functions) {
        expect(fn.iommuGroup.predicted).toEqual(groups.verdict(fn.bdf)?.members)
        expect(fn.resetMethods).toEqual(predictResetMethods(topology, fn.bdf))
        expect(fn.hotReset.reported).toEqual(resetDomain(topology, fn.bdf).hot?.functions ?? [])
      }
    }),
  )
})

test('any machine: the text is JSON of the report, one line for each entry, always the same', () => {
  fc.assert(
    fc.property(anyMachine, (topology) => {
      const report = topologyReport(topology)
      const text = writeReport(report)
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(report)))
      expect([...reportLines(topologyReport(topology))].join('')).toBe(text)
      const lines = text.split('\n').filter((line) => line.startsWith('{"bdf"'))
      expect(lines).toHaveLength(topology.functions.length)
      const one: FunctionReport = JSON.parse(lines[0]!.replace(/,$/, ''))
      expect(one.bdf).toBe(topology.functions[0]?.bdf)
    }),
  )
})

test('an empty machine is a report too', () => {
  const text = writeReport(topologyReport(new TopologyBuilder().finish()))
  expect(JSON.parse(text)).toEqual({ functions: [], buses: [], slots: [], faults: [] })
})
