/**
 * What a large machine costs in memory: built, grouped, every reset analysed. 65,536 functions is a full domain.
 *
 * Goals: all of it in 1.5 s; less than 2 KiB a function beside its configuration bytes.
 */
import {
  Bdf,
  ConfigSpace,
  type FunctionInput,
  hotReset,
  predictGroups,
  predictResetMethods,
  type Topology,
  TopologyBuilder,
} from '@vfiokit/topology'
import { milliseconds, printTable, SMOKE } from '../../../.tools/stopwatch.ts'

const FUNCTIONS_PER_BUS = 256
const CONFIG_BYTES = 256

/** A root port for every 15 buses, each of which has a full set of functions: a wide machine, two levels deep. */
function inputs(count: number): FunctionInput[] {
  const functions: FunctionInput[] = []
  for (let at = 0; functions.length < count; at++) {
    const domain = Math.floor(at / (255 * FUNCTIONS_PER_BUS))
    const inDomain = at % (255 * FUNCTIONS_PER_BUS)
    const bus = 1 + Math.floor(inDomain / FUNCTIONS_PER_BUS)
    const devfn = inDomain % FUNCTIONS_PER_BUS
    if (devfn === 0) functions.push(port(domain, bus))
    const bdf = Bdf.of({ domain, bus, device: devfn >> 3, function: devfn & 7 })
    functions.push({ bdf, config: endpointConfig(), iommuGroup: at })
  }
  return functions.slice(0, count)
}

function port(domain: number, bus: number): FunctionInput {
  return {
    bdf: Bdf.of({ domain, bus: 0, device: bus >> 3, function: bus & 7 }),
    vendorId: 0x1b36,
    deviceId: 0x000c,
    classCode: 0x060400,
    busNumbers: { primary: 0, secondary: bus, subordinate: bus },
  }
}

/** Power management, MSI and PCI Express with FLR, as a network function has them. */
function endpointConfig(): ConfigSpace {
  const bytes = new Uint8Array(CONFIG_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, 0x8086, true)
  view.setUint16(2, 0x10ca, true)
  view.setUint16(4, 0x0006, true)
  view.setUint16(6, 0x0010, true)
  view.setUint32(8, 0x02000001, true)
  bytes[0x34] = 0x40
  bytes.set([0x01, 0x50, 0x03, 0x00], 0x40)
  bytes.set([0x05, 0x60, 0x80, 0x00], 0x50)
  bytes.set([0x10, 0x00, 0x02, 0x00, 0x00, 0x80, 0x00, 0x10], 0x60)
  return new ConfigSpace(bytes)
}

function build(functions: readonly FunctionInput[]): Topology {
  const builder = new TopologyBuilder()
  for (const input of functions) builder.addFunction(input)
  return builder.finish()
}

function analyse(topology: Topology): void {
  predictGroups(topology, { acs: 'as-found' })
  for (const { bdf } of topology.functions) {
    predictResetMethods(topology, bdf)
    hotReset(topology, bdf)
  }
}

const rows = (SMOKE ? [1_000] : [1_000, 4_096, 16_384, 65_536]).map((count) => {
  const functions = inputs(count)
  let topology = build(functions)
  const built = milliseconds(
    () => {},
    () => {
      topology = build(functions)
    },
  )
  const analysed = milliseconds(
    () => {
      topology = build(functions)
    },
    () => analyse(topology),
  )
  return [
    count.toLocaleString('en'),
    built.toFixed(0),
    analysed.toFixed(0),
    (((built + analysed) * 1e3) / count).toFixed(1),
    bytesEach(functions).toFixed(0),
  ]
})
printTable(
  ['functions', 'built, ms', 'groups and resets, ms', 'µs each', 'bytes each beside configuration'],
  rows,
)

/** Growth of the heap by one topology; its inputs and configuration bytes exist already. */
function bytesEach(functions: readonly FunctionInput[]): number {
  const collect = globalThis.gc
  if (collect === undefined) return Number.NaN
  collect()
  const before = process.memoryUsage().heapUsed
  const kept = build(functions)
  collect()
  const bytes = process.memoryUsage().heapUsed - before
  return bytes / kept.functions.length
}
