/** A report in Markdown: every card of a machine, and whether it can be given to a virtual machine. */
import { advise, type Topology } from '@vfiokit/topology'
import { loadPciNames } from '@vfiokit/topology/names'

const BRIDGE = 0x06

/** One row per function that is no bridge; the steps of those that need any below. */
export async function passthroughReport(topology: Topology): Promise<string> {
  const names = await loadPciNames()
  const cards = topology.functions.filter(({ classCode }) => classCode >> 16 !== BRIDGE)
  const advices = cards.map((card) => ({ card, advice: advise(topology, card.bdf) }))
  const rows = advices.map(({ card, advice }) => {
    const { vendor = '', device = 'unknown' } = names.of(card)
    const methods = advice.resetMethods
      .filter(({ obstacle }) => obstacle === undefined)
      .map(({ method }) => method)
    const cells = [
      card.bdf,
      `${vendor} ${device}`.trim(),
      advice.verdict,
      advice.group.members.length,
      methods.join(' ') || '-',
    ]
    return `| ${cells.join(' | ')} |`
  })
  const needs = advices
    .filter(({ advice }) => advice.verdict !== 'ready')
    .flatMap(({ advice }) => [
      '',
      `## ${advice.summary}`,
      '',
      ...advice.steps.map((step, at) => `${at + 1}. ${step}`),
    ])
  return [
    '# Passthrough',
    '',
    '| function | name | verdict | in its group | reset methods |',
    '|---|---|---|---:|---|',
    ...rows,
    ...needs,
    '',
  ].join('\n')
}
