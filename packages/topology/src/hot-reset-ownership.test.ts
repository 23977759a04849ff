import {
  Bdf,
  type HotResetProof,
  hotResetOwnership,
  hotResetRefusal,
  type IommufdBinding,
  type Topology,
  yamlReader,
} from '@vfiokit/topology'
import { expect, test } from 'vitest'

/** A card of two functions, each in a group of its own or both in one, and a device on the root bus. */
function card(groups: readonly [number, number]): Topology {
  return yamlReader.read(
    `vfiokit: topology/1
functions:
  - {bdf: '00:01.0', id: '1b36:000c', class: '060400', bridge: {secondary: 1, subordinate: 1}, iommuGroup: 1}
  - {bdf: '00:02.0', id: '8086:1616', iommuGroup: 2}
  - {bdf: '01:00.0', id: '10de:2684', iommuGroup: ${groups[0]}}
  - {bdf: '01:00.1', id: '10de:22ba', iommuGroup: ${groups[1]}}
`,
    {},
  )
}

const first = Bdf.parse('01:00.0')
const second = Bdf.parse('01:00.1')
const mine: IommufdBinding = { iommufd: 'mine', devid: 1 }

function bound(...others: readonly (readonly [Bdf, IommufdBinding])[]): ReadonlyMap<Bdf, IommufdBinding> {
  return new Map([[first, mine], ...others])
}

test('fact 44: a function that another iommufd owns has devid -1, the flag is clear, the reset is EINVAL', () => {
  const topology = card([6, 7])
  const others = bound([second, { iommufd: 'other', devid: 1 }])
  const { devids, allOwned } = hotResetOwnership(topology, first, 'mine', others)
  expect([...devids]).toEqual([
    [first, 1],
    [second, -1],
  ])
  expect(allOwned).toBe(false)
  expect(hotResetRefusal(topology, first, { opened: 'cdev', iommufd: 'mine', bound: others })).toEqual({
    errno: 'EINVAL',
    reason: "0000:01:00.1 would be reset too and is not the caller's",
  })
})

test('fact 44: what is bound to the iommufd has its id; what is unopened in an owned group has 0', () => {
  const both = bound([second, { iommufd: 'mine', devid: 2 }])
  expect([...hotResetOwnership(card([6, 7]), first, 'mine', both).devids.values()]).toEqual([1, 2])
  const shared = hotResetOwnership(card([6, 6]), first, 'mine', bound())
  expect([...shared.devids.values()]).toEqual([1, 0])
  expect(shared.allOwned).toBe(true)
  const apart = hotResetOwnership(card([6, 7]), first, 'mine', bound())
  expect([...apart.devids.values()]).toEqual([1, -1])
  expect(
    hotResetRefusal(card([6, 6]), first, { opened: 'cdev', iommufd: 'mine', bound: bound() }),
  ).toBeUndefined()
})

test.each<[string, HotResetProof]>([
  [
    'group descriptors for what was opened as a character device',
    { opened: 'cdev', iommufd: 'mine', bound: bound(), groups: [6] },
  ],
  ['none for what was opened through its group', { opened: 'group', groups: [] }],
  ['more than there are functions', { opened: 'group', groups: [6, 7, 8] }],
  ['that of one function only', { opened: 'group', groups: [6] }],
])('fact 44: %s: EINVAL', (_name, proof) => {
  expect(hotResetRefusal(card([6, 7]), first, proof)?.errno).toBe('EINVAL')
})

test('the groups of everything that is hit are proof enough', () => {
  expect(hotResetRefusal(card([6, 7]), first, { opened: 'group', groups: [7, 6] })).toBeUndefined()
  expect(hotResetRefusal(card([6, 6]), first, { opened: 'group', groups: [6] })).toBeUndefined()
})

test("a bridge that is hit is nobody's, though its group is owned", () => {
  const topology = yamlReader.read(
    `vfiokit: topology/1
functions:
  - {bdf: '00:01.0', id: '1b36:000c', class: '060400', bridge: {secondary: 1, subordinate: 2}}
  - {bdf: '01:00.0', id: '10de:2684', iommuGroup: 6}
  - {bdf: '01:01.0', id: '1b36:0001', class: '060400', bridge: {secondary: 2, subordinate: 2}, iommuGroup: 6}
`,
    {},
  )
  expect([...hotResetOwnership(topology, first, 'mine', bound()).devids.values()]).toEqual([1, -1])
})

test('on a root bus it is ENODEV whoever asks', () => {
  const proof: HotResetProof = { opened: 'group', groups: [2] }
  expect(hotResetRefusal(card([6, 6]), Bdf.parse('00:02.0'), proof)?.errno).toBe('ENODEV')
})
