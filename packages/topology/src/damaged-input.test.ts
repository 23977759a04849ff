/** Ten thousand damaged inputs: nothing throws, nothing hangs, and no function is lost without a fault that names it. */

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import {
  advise,
  Bdf,
  ConfigSpace,
  type Diagnostic,
  explainResetMethods,
  functionInputOf,
  hotReset,
  hwlocXmlReader,
  jsonReader,
  lspciDumpReader,
  lspciListReader,
  lspciMachineReader,
  lspciRecordsReader,
  type PciFunction,
  predictGroups,
  resetDomain,
  sysfsSnapshotReader,
  type Topology,
  TopologyBuilder,
  type TopologyReader,
  writeJson,
  writeLspciList,
  writeLspciTree,
  writeYaml,
  yamlReader,
} from '@vfiokit/topology'
import { readTopologyFile } from '@vfiokit/topology/node'
import fc from 'fast-check'
import { expect, test } from 'vitest'

/** What one input may take, on a machine that does other things too; each takes a millisecond or two. */
const PATIENCE_MS = 3000

const path = (name: string): string => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url))
const text = (name: string): string => gunzipSync(readFileSync(path(name))).toString()

const place = fc.nat(1_000_000)
const edit = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('flip' as const), place, bit: fc.nat(6) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('cut' as const), place, length: fc.nat(40) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('insert' as const), place, text: fc.string() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('lose-line' as const), place }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('move-line' as const), place, to: place }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('end' as const), place }) },
)
type Edit = typeof edit extends fc.Arbitrary<infer T> ? T : never
const anyDamage = fc.array(edit, { minLength: 1, maxLength: 6 })

function damaged(whole: string, edits: readonly Edit[]): string {
  return edits.reduce((before, change) => {
    const at = change.place % (before.length + 1)
    switch (change.kind) {
      case 'flip':
        return (
          before.slice(0, at) +
          String.fromCharCode(before.charCodeAt(at) ^ (1 << change.bit)) +
          before.slice(at + 1)
        )
      case 'cut':
        return before.slice(0, at) + before.slice(at + change.length)
      case 'insert':
        return before.slice(0, at) + change.text + before.slice(at)
      case 'end':
        return before.slice(0, at)
      default: {
        const lines = before.split('\n')
        const taken = lines.splice(change.place % lines.length, 1)
        if (change.kind === 'move-line') lines.splice(change.to % (lines.length + 1), 0, ...taken)
        return lines.join('\n')
      }
    }
  }, whole)
}

/** Faults that say that a document of a grammar cannot be followed any further, and where. */
const SYNTAX = new Set(['json-syntax', 'yaml-syntax', 'xml-syntax'])
/** The list of all functions, when that is what is broken. */
const WHOLE_LIST = /\b(?:devices|functions)\b/

function isNamed(bdf: Bdf, lines: readonly number[], faults: readonly Diagnostic[]): boolean {
  return faults.some(
    (fault) =>
      fault.bdf === bdf ||
      SYNTAX.has(fault.code) ||
      (fault.severity === 'error' && WHOLE_LIST.test(fault.message)) ||
      `${fault.message} ${fault.found}`.includes(bdf) ||
      (fault.line !== undefined && lines.includes(fault.line)),
  )
}

/** @param spoken finds the address that a line gives a function, as the format has it. */
function checkReading(reader: TopologyReader, input: string, spoken: RegExp): void {
  const start = performance.now()
  const topology = reader.read(input, { file: 'damaged' })
  expect(performance.now() - start).toBeLessThan(PATIENCE_MS)
  const lines = new Map<Bdf, number[]>()
  input.split('\n').forEach((line, index) => {
    for (const match of line.matchAll(spoken)) {
      const bdf = Bdf.tryParse(match[1]!)
      if (bdf !== undefined) lines.set(bdf, [...(lines.get(bdf) ?? []), index + 1])
    }
  })
  for (const [bdf, at] of lines) {
    const isThere = topology.function(bdf) !== undefined || isNamed(bdf, at, topology.faults)
    expect(isThere, `${bdf} of line ${at} is lost`).toBe(true)
  }
}

/** Four functions of a real machine with their lines and the rows that have something in them. */
function smallDump(): string {
  const functions = text('multifn-7.2.lspci.gz').split(/\n\n/)
  const some = functions.filter((_, index) => index % 4 === 1).slice(0, 4)
  return some
    .map((fn) =>
      fn
        .split('\n')
        .filter((line) => !/^(?:[1-9a-f]\w\w: |\t\t)/.test(line))
        .join('\n'),
    )
    .join('\n\n')
}

const AT_START = /^(?:[ \t]*>)*[ \t]*(\S+)(?=\s|$)/g
const YAML_BDF = /^ {2}- bdf: '([^']*)'$/g

/** The first functions of a machine, with the first of their bytes. */
function beginning(whole: Topology, count: number): Topology {
  const builder = new TopologyBuilder()
  for (const fn of whole.functions.slice(0, count)) {
    const config = new ConfigSpace(fn.config.bytes.slice(0, 64))
    builder.addFunction({ ...functionInputOf(whole, fn), config })
  }
  return builder.finish()
}

const SMALL_MACHINE = beginning(readTopologyFile(path('multifn-7.2.json.gz')), 5)
const inputs: readonly (readonly [TopologyReader, string, RegExp, number])[] = [
  [lspciDumpReader, smallDump(), AT_START, 3000],
  [lspciListReader, text('switches.lspci-nnk.gz'), AT_START, 600],
  [lspciMachineReader, text('switches.lspci-mmnn.gz'), /^[>\t ]*(\S+)\s+"/g, 600],
  [lspciRecordsReader, text('switches.lspci-vmmnnk.gz'), /^[>\t ]*(?:Slot|Device):\s*(\S+)\s*$/g, 600],
  [hwlocXmlReader, text('switches.hwloc-2.9.xml.gz'), / pci_busid="([^"]*)"/g, 800],
  [sysfsSnapshotReader, text('convpci-7.2.json.gz'), /"([^"]*)":\{"realpath"/g, 500],
  [yamlReader, writeYaml(SMALL_MACHINE), YAML_BDF, 300],
  [jsonReader, writeJson(SMALL_MACHINE), /"bdf":\s*"([^"]*)"/g, 100],
]

test.each(inputs.map((row) => [row[0].format, row[3], row] as const))(
  'damaged %s, %d times: read to the end, and no function is lost in silence',
  (_format, numRuns, [reader, whole, spoken]) => {
    fc.assert(
      fc.property(anyDamage, (edits) => checkReading(reader, damaged(whole, edits), spoken)),
      { numRuns },
    )
  },
)

test.each(inputs.map((row) => [row[0].format, row] as const))(
  'undamaged %s has no such faults, so the damage is what the others show',
  (_format, [reader, whole]) => {
    const { functions, faults } = reader.read(whole, {})
    expect(functions.length).toBeGreaterThan(3)
    expect(faults.filter((fault) => fault.severity === 'error')).toEqual([])
  },
)

const MACHINES = ['multifn-7.2', 'sriov-7.2', 'convpci-7.2'].map((name) =>
  readTopologyFile(path(`${name}.json.gz`)),
)

const byte = fc.nat(255)
/** Pointers, ids and sizes are where a flipped bit does most. */
const offset = fc.oneof(fc.nat(0x3f), fc.nat(0xff), fc.integer({ min: 0x100, max: 0x1ff }), fc.nat(4095))
const configDamage = fc.record({
  victim: place,
  bytes: fc.array(fc.tuple(offset, byte), { maxLength: 12 }),
  end: fc.option(fc.nat(4096), { nil: undefined, freq: 6 }),
  hole: fc.option(fc.tuple(offset, fc.integer({ min: 1, max: 16 })), { nil: undefined, freq: 6 }),
})
type ConfigDamage = typeof configDamage extends fc.Arbitrary<infer T> ? T : never

function damagedConfig(config: ConfigSpace, { bytes, end, hole }: ConfigDamage): ConfigSpace {
  const changed = config.bytes.slice(0, end)
  for (const [at, value] of bytes) if (at < changed.length) changed[at] = value
  const start = hole === undefined ? changed.length : hole[0]
  const stop = hole === undefined ? start : Math.min(start + hole[1], changed.length)
  if (start >= stop) return new ConfigSpace(changed)
  changed.fill(0xff, start, stop)
  return new ConfigSpace(changed, [{ start, end: stop }])
}

/** The machine from its bytes alone, some of them changed. */
function damagedMachine(whole: Topology, damages: readonly ConfigDamage[]): Topology {
  const configs = whole.functions.map((fn) => fn.config)
  for (const damage of damages) {
    const victim = damage.victim % configs.length
    configs[victim] = damagedConfig(configs[victim]!, damage)
  }
  const builder = new TopologyBuilder()
  whole.functions.forEach(({ bdf, driver, slot: _ }, index) => {
    builder.addFunction({ bdf, config: configs[index], driver })
  })
  for (const { name, domain, bus, device } of whole.slots) builder.addSlot({ name, domain, bus, device })
  return builder.finish()
}

/** Everything that this package can say of a machine, said of every function. */
function askEverything(topology: Topology): void {
  predictGroups(topology, { acs: 'as-linux-enables' })
  writeLspciTree(topology)
  writeLspciList(topology)
  for (const { bdf } of topology.functions) {
    resetDomain(topology, bdf)
    hotReset(topology, bdf)
    explainResetMethods(topology, bdf)
  }
  advise(topology, topology.functions.at(-1)!.bdf)
}

const anyDamagedMachine = fc.record({
  machine: fc.nat(MACHINES.length - 1),
  damages: fc.array(configDamage, { minLength: 1, maxLength: 4 }),
})

test('damaged configuration spaces, 3500 times: every function is there, and every question has an answer', () => {
  fc.assert(
    fc.property(anyDamagedMachine, ({ machine, damages }) => {
      const whole = MACHINES[machine]!
      const topology = damagedMachine(whole, damages)
      const start = performance.now()
      expect(topology.functions.map((fn) => fn.bdf)).toEqual(whole.functions.map((fn) => fn.bdf))
      askEverything(topology)
      expect(performance.now() - start).toBeLessThan(PATIENCE_MS)
    }),
    { numRuns: 3500 },
  )
})

/** Everything of a topology but its faults, as plain data. */
function plain(topology: Topology): unknown {
  const names = (list: readonly PciFunction[]): readonly Bdf[] => list.map((fn) => fn.bdf)
  return {
    functions: topology.functions.map((fn) => ({
      ...fn,
      config: [Buffer.from(fn.config.bytes).toString('hex'), fn.config.holes],
    })),
    buses: topology.buses.map((bus) => ({ ...bus, functions: names(bus.functions) })),
    slots: topology.slots.map((slot) => ({ ...slot, functions: names(slot.functions) })),
    bridges: topology.bridges,
  }
}

function checkYaml(topology: Topology): void {
  const again = yamlReader.read(writeYaml(topology), {})
  expect(again.faults.filter((fault) => fault.severity === 'error')).toEqual([])
  expect(plain(again)).toEqual(plain(topology))
}

test('a damaged dump, written as YAML, reads back as it was', () => {
  const whole = smallDump()
  fc.assert(
    fc.property(anyDamage, (edits) => checkYaml(lspciDumpReader.read(damaged(whole, edits), {}))),
    { numRuns: 150 },
  )
})

test('a machine of damaged configuration spaces, written as YAML, reads back as it was', () => {
  fc.assert(
    fc.property(anyDamagedMachine, ({ machine, damages }) =>
      checkYaml(damagedMachine(MACHINES[machine]!, damages)),
    ),
    { numRuns: 30 },
  )
})
