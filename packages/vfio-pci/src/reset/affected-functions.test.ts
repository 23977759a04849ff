import { Bdf, deviceSetKey } from '@vfiokit/topology'
import { affectedFunctions } from '@vfiokit/vfio-pci'
import { describe, expect, test } from 'vitest'
import { BDF, fixtureTopology, SLOT } from '../fixtures/machine.ts'

const topology = fixtureTopology()

describe('what a hot reset reaches', () => {
  test('the slot and its bridge', () => {
    const expected = { bridge: Bdf.parse('00:01.0'), functions: SLOT.map((name) => BDF[name]) }
    for (const name of SLOT) expect(affectedFunctions(topology, BDF[name])).toEqual(expected)
  })

  test('on a root bus there is none', () => {
    expect(affectedFunctions(topology, BDF.rootEdu)).toBeUndefined()
  })
})

describe('the set of a function', () => {
  test('is its slot, if that can be reset', () => {
    expect(SLOT.map((name) => deviceSetKey(topology, BDF[name]))).toEqual(new Array(4).fill('slot 1'))
  })

  test('else its bus', () => {
    expect(deviceSetKey(topology, BDF.lone)).toBe('bus 0000:02')
    expect(deviceSetKey(topology, BDF.pf)).toBe('bus 0000:03')
  })

  test('on a root bus, or of a virtual function, it is the function alone', () => {
    expect(deviceSetKey(topology, BDF.rootEdu)).toBe(BDF.rootEdu)
    expect(deviceSetKey(topology, BDF.vf)).toBe(BDF.vf)
  })
})
