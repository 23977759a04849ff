import { sysfsSnapshotReader, type Topology } from '@vfiokit/topology'
import { expect, test } from 'vitest'

const ABSENT = '0x0000000000000000 0x0000000000000000 0x0000000000000000'

/** One device of a snapshot with that `resource` file. */
function read(lines: readonly string[], attrs: Record<string, unknown> = {}): Topology {
  const base = { vendor: '0x8086', device: '0x0001', class: '0x020000', revision: '0x00' }
  const device = {
    realpath: '/sys/devices/pci0000:00/0000:00:02.0',
    attrs: { ...base, resource: lines.join('\n'), ...attrs },
  }
  return sysfsSnapshotReader.read(JSON.stringify({ devices: { '0000:00:02.0': device } }), {})
}

function fill(lines: readonly string[], count: number): readonly string[] {
  return [...lines, ...new Array(count - lines.length).fill(ABSENT)]
}

test('fact 25: a line of zeros is absent; a memory line has start, size, width and prefetchable', () => {
  const memory = '0x00000000c0000000 0x00000000c0003fff 0x000000000014220c'
  const { bars } = read(fill([ABSENT, memory], 13)).functions[0]!
  expect(bars).toEqual([
    { index: 1, kind: 'memory', width: 64, prefetchable: true, address: 0xc0000000n, sizeBytes: 16384 },
  ])
})

test('a resource of one byte is kept', () => {
  const { bars } = read(fill(['0x0000000000000070 0x0000000000000070 0x0000000000040101'], 13)).functions[0]!
  expect(bars).toMatchObject([{ kind: 'io', sizeBytes: 1 }])
})

test('fact 25: 17 lines have the windows of a bridge in lines 14 to 16', () => {
  const bridge = [
    ...fill([], 13),
    '0x000000000000d000 0x000000000000dfff 0x0000000000000100',
    ABSENT,
    ABSENT,
    ABSENT,
  ]
  const topology = read(bridge, { class: '0x060400' })
  expect(topology.bridges[0]?.windows).toEqual({
    io: { base: 0xd000n, limit: 0xdfffn },
    memory: undefined,
    prefetchable: undefined,
  })
})

test('a kernel without SR-IOV has 11 lines, with the windows from line 8', () => {
  const lines = [...fill([], 8), '0x00000000fe400000 0x00000000fe5fffff 0x0000000000000200', ABSENT, ABSENT]
  expect(read(lines, { class: '0x060400' }).bridges[0]?.windows.memory).toEqual({
    base: 0xfe400000n,
    limit: 0xfe5fffffn,
  })
})

test('lines 8 to 13 are the BARs of virtual functions', () => {
  const vf = '0x00000000fea00000 0x00000000fea1ffff 0x000000000014220c'
  expect(read([...fill([], 7), ...fill([vf], 6)]).functions[0]?.vfBars).toMatchObject([
    { index: 0, sizeBytes: 0x20000 },
  ])
})

test('a malformed line is a fault that names it; the others are read', () => {
  const topology = read(['garbage', '0x00000000c0000000 0x00000000c0003fff 0x0000000000040200'])
  expect(topology.functions[0]?.bars).toMatchObject([{ index: 1, sizeBytes: 16384 }])
  expect(topology.faults).toMatchObject([{ code: 'sysfs-malformed', found: '"garbage"' }])
  expect(topology.faults[0]?.message).toContain('resource line 1')
})
