/** What an access costs, without anything above the hardware. */
import { SimulatedMachine } from '@vfiokit/hardware'
import { Bdf, TopologyBuilder } from '@vfiokit/topology'
import { nanosecondsPerCall, printTable } from '../../../.tools/stopwatch.ts'

const PORT = Bdf.parse('0000:00:01.0')
const ENDPOINT = Bdf.parse('0000:01:00.0')
const MEMORY = { kind: 'memory', width: 64, prefetchable: true } as const

const topology = new TopologyBuilder()
  .addFunction({
    bdf: PORT,
    vendorId: 0x1b36,
    deviceId: 0x000c,
    classCode: 0x060400,
    busNumbers: { primary: 0, secondary: 1, subordinate: 1 },
  })
  .addFunction({
    bdf: ENDPOINT,
    vendorId: 0x1234,
    deviceId: 0x0001,
    classCode: 0x020000,
    bars: [
      { index: 0, ...MEMORY, address: 0xc000_0000n, sizeBytes: 2 ** 16 },
      { index: 2, ...MEMORY, address: 0x80_0000_0000n, sizeBytes: 2 ** 34 },
    ],
  })
  .finish()
const machine = new SimulatedMachine(topology)
const fn = machine.hardware(ENDPOINT)!
fn.writeConfig(4, 2, 0x2)
const word = new Uint8Array(4)
for (let page = 0; page < 4; page++) fn.writeBar(0, page * 4096, word)

/** What is measured: one call of it, by a running number. */
const ACCESSES: Readonly<Record<string, (at: number) => void>> = {
  '4-byte BAR read, one page': (at) => fn.readBar(0, (at & 1023) * 4, word),
  '4-byte BAR read, page by page': (at) => fn.readBar(0, (at & 3) * 4096, word),
  '4-byte BAR read, 16 GiB never written': (at) => fn.readBar(2, (at & 1023) * 2 ** 24, word),
  '4-byte BAR write': (at) => fn.writeBar(0, (at & 1023) * 4, word),
  'configuration read': () => void fn.readConfig(0, 4),
  'command register write': () => fn.writeConfig(4, 2, 0x102),
  'secondary bus reset of one function': () => machine.secondaryBusReset(PORT),
}

const rows = Object.entries(ACCESSES).map(([name, access]) => {
  const ns = nanosecondsPerCall((count) => {
    for (let at = 0; at < count; at++) access(at)
  })
  return [name, ns.toFixed(0)]
})
printTable(['access', 'ns'], rows)
