import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createHost, runOn, type ScenarioDocument } from '@vfiokit/host'
import { testLockingStrategy } from '@vfiokit/testkit'
import { readTopologyFile } from '@vfiokit/topology/node'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { patient } from './patient.ts'

testLockingStrategy(patient)

const demo = (name: string) => fileURLToPath(new URL(`../demo/${name}`, import.meta.url))
const topology = readTopologyFile(demo('multifn.json'))
const document: ScenarioDocument = parse(readFileSync(demo('hot-reset.yaml'), 'utf8'))

/** The demo, without the plugin's regions. */
const withoutRegions: ScenarioDocument = {
  ...document,
  mappings: Object.fromEntries(Object.entries(document.mappings!).filter(([, { region }]) => region < 9)),
  tasks: document.tasks.filter(({ name }) => !['driver-acme', 'trap-acme'].includes(name)),
  check: ['I1', 'I3', 'I4', 'I5', 'I6', 'I7', 'I8', 'deadlock', 'locks-left'],
}

test('patient keeps the invariants under many seeds, and is never busy', async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const bind = Object.values(document.devices)
    const host = await createHost({ topology, bind, strategy: patient })
    const { verdict, counts, invariants } = runOn(host, withoutRegions, { seed })
    expect({ seed, verdict, broken: invariants.filter(({ holds }) => !holds) }).toMatchObject({
      verdict: 'ok',
      broken: [],
    })
    expect(counts.ebusy).toBe(0)
  }
})
