/** What `vfiokit advise` prints. */
import { type Advice, advise, Bdf, type Topology } from '@vfiokit/topology'
import { type Colour, painter, type Terminal } from '../terminal.ts'
import type { AdviseFlags } from './advise.ts'
import { readMachine } from './topology-input.ts'

const COLOURS: Readonly<Record<Advice['verdict'], Colour>> = {
  ready: 'green',
  possible: 'green',
  'with-care': 'yellow',
  no: 'red',
}

/** @returns the exit code: 0 also when the advice is "no", which is an answer. */
export async function showAdvice(text: string, flags: AdviseFlags, terminal: Terminal): Promise<number> {
  const bdf = Bdf.tryParse(text)
  if (bdf === undefined) return refused(`not a PCI address (expected dddd:bb:dd.f, found ${text})`, terminal)
  const topology = readMachine(flags, terminal)
  if (topology === undefined) return 2
  if (topology.function(bdf) === undefined) return refused(`${bdf} is not in this machine`, terminal)
  const advice = advise(topology, bdf)
  const json = flags.json === true
  terminal.out.write(
    json ? `${JSON.stringify(advice, undefined, 2)}\n` : adviceText(advice, topology, terminal),
  )
  return 0
}

function refused(message: string, { err }: Terminal): number {
  err.write(`vfiokit: ${message}\n`)
  return 2
}

function adviceText(advice: Advice, topology: Topology, terminal: Terminal): string {
  const paint = painter(terminal)
  const { group, hotReset, resetMethods } = advice
  const offered = resetMethods.filter(({ obstacle }) => obstacle === undefined).map(({ method }) => method)
  const refusedMethods = resetMethods.filter(({ obstacle }) => obstacle !== undefined)
  const lines = [
    paint(COLOURS[advice.verdict], `${advice.verdict}: ${advice.summary}`),
    '',
    `IOMMU group (${group.source}, ${group.confidence}): ${group.why}`,
    ...group.members.map((member) => `  ${member}  ${topology.function(member)?.driver ?? 'no driver'}`),
    '',
    `Reset methods: ${offered.join(', ') || 'none'}`,
    ...refusedMethods.map(({ method, obstacle }) => `  not ${method}: ${obstacle}`),
    `Hot reset: ${hotReset.possible ? 'possible' : 'not possible'}: ${hotReset.reason}`,
    ...hotReset.reported.map((hit) => `  hits ${hit}`),
    '',
    'Next steps:',
    ...(advice.steps.length === 0 ? ['  none'] : advice.steps.map((step, at) => `  ${at + 1}. ${step}`)),
  ]
  return `${lines.join('\n')}\n`
}
