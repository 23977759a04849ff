import { type Advice, advise, Bdf, type Topology, yamlReader } from '@vfiokit/topology'
import { expect, test } from 'vitest'

const PORT =
  "{bdf: '00:01.0', id: '1b36:000c', class: '060400', iommuGroup: 1, driver: pcieport, bridge: {secondary: 1, subordinate: 1}}"

function machine(...functions: readonly string[]): Topology {
  const lines = functions.map((line) => `  - ${line}\n`).join('')
  return yamlReader.read(`vfiokit: topology/1\nfunctions:\n${lines}`, {})
}

function adviceOn(bdf: string, ...functions: readonly string[]): Advice {
  return advise(machine(PORT, ...functions), Bdf.parse(bdf))
}

test('a card alone in its group, bound and resettable, is ready', () => {
  const advice = adviceOn(
    '01:00.0',
    "{bdf: '01:00.0', id: '10de:2684', iommuGroup: 2, driver: vfio-pci, resetMethods: [flr]}",
  )
  expect(advice).toMatchObject({ verdict: 'ready', mustBind: [], group: { source: 'actual' } })
  expect(advice.steps).toEqual(['Give 0000:01:00.0 to the virtual machine'])
})

test('everything of the group that the host drives must be bound, each with its command', () => {
  const advice = adviceOn(
    '01:00.0',
    "{bdf: '01:00.0', id: '10de:2684', iommuGroup: 2, driver: nouveau, resetMethods: [bus]}",
    "{bdf: '01:00.1', id: '10de:22ba', iommuGroup: 2, driver: snd_hda_intel, resetMethods: []}",
  )
  expect(advice).toMatchObject({
    verdict: 'possible',
    summary:
      '0000:01:00.0 can be given away after it and 1 other function of its group are bound to vfio-pci',
    mustBind: ['0000:01:00.0', '0000:01:00.1'],
  })
  expect(advice.steps[0]).toContain('take it from nouveau')
  expect(advice.steps[1]).toContain('take it from snd_hda_intel')
})

test('a port in the group stays with its driver', () => {
  const advice = adviceOn(
    '01:00.0',
    "{bdf: '01:00.0', id: '10de:2684', iommuGroup: 1, driver: vfio-pci, resetMethods: [pm]}",
  )
  expect(advice.group.members).toEqual(['0000:00:01.0', '0000:01:00.0'])
  expect(advice.mustBind).toEqual([])
})

test('nothing resets it, and the slot cannot either: with care', () => {
  const advice = advise(
    machine("{bdf: '00:02.0', id: '8086:1616', iommuGroup: 0, driver: i915, resetMethods: []}"),
    Bdf.parse('00:02.0'),
  )
  expect(advice).toMatchObject({ verdict: 'with-care', hotReset: { possible: false } })
})

test('only a hot reset remains: all that it hits go to one user', () => {
  const advice = adviceOn(
    '01:00.0',
    "{bdf: '01:00.0', id: '10de:2684', iommuGroup: 2, driver: vfio-pci, resetMethods: []}",
    "{bdf: '01:00.1', id: '10de:22ba', iommuGroup: 2, driver: vfio-pci, resetMethods: []}",
  )
  expect(advice.steps).toContain(
    'Give 0000:01:00.0, 0000:01:00.1 to the same user: a reset of one is a reset of all',
  )
})

test('a bridge is refused, and what is below it is offered', () => {
  const advice = adviceOn('00:01.0', "{bdf: '01:00.0', id: '10de:2684', iommuGroup: 2}")
  expect(advice).toMatchObject({ verdict: 'no', steps: ['Give what is below it instead: 0000:01:00.0'] })
})

test('a physical function with virtual functions is refused, with both ways out', () => {
  const advice = adviceOn(
    '01:00.0',
    "{bdf: '01:00.0', id: '8086:10c9', iommuGroup: 2, driver: igb}",
    "{bdf: '01:10.0', id: '8086:10ca', iommuGroup: 3, physfn: '01:00.0'}",
  )
  expect(advice.verdict).toBe('no')
  expect(advice.steps).toHaveLength(2)
})

test('without any group the IOMMU is off, and the group is a prediction', () => {
  const topology = machine(
    "{bdf: '00:02.0', id: '8086:1616', driver: i915, resetMethods: [flr], capabilities: []}",
  )
  const advice = advise(topology, Bdf.parse('00:02.0'))
  expect(advice).toMatchObject({ verdict: 'possible', group: { source: 'predicted' } })
  expect(advice.steps[0]).toMatch(/^Turn the IOMMU on/)
})

test('a larger group says what joins it, and what a patched kernel would do', () => {
  const advice = adviceOn(
    '01:00.0',
    "{bdf: '01:00.0', id: '10de:2684', iommuGroup: 1, driver: nouveau, resetMethods: [bus]}",
    "{bdf: '00:03.0', id: '8086:100e', iommuGroup: 1, driver: e1000}",
  )
  expect(advice.steps.some((step) => step.startsWith('Or move the card'))).toBe(true)
})
