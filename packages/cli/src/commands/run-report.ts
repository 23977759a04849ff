/** What `vfiokit run` prints for people. */
import { isCanary, type ScenarioResult } from '@vfiokit/host'
import { table } from '../table.ts'
import type { Colour } from '../terminal.ts'

type Paint = (colour: Colour, text: string) => string

const EVENT_COLOURS: Readonly<Partial<Record<string, Colour>>> = {
  wait: 'yellow',
  zap: 'cyan',
  reset: 'bold',
  signal: 'red',
  errno: 'yellow',
  failed: 'red',
  done: 'dim',
}

/** The timeline of one run, a line an event. */
export function timelineText(result: ScenarioResult, paint: Paint): string {
  const timeline = withoutRepeats(result.timeline)
  const stepWidth = String(timeline.at(-1)?.step ?? 0).length
  const taskWidth = Math.max(0, ...timeline.map(({ task }) => task.length))
  return timeline
    .map(({ step, task, kind, text }) => {
      const line = `${String(step).padStart(stepWidth)}  ${task.padEnd(taskWidth)}  ${text}`
      const colour = EVENT_COLOURS[kind]
      return colour === undefined ? line : paint(colour, line)
    })
    .join('\n')
}

/** A task that does the same again, and nothing happened to it meanwhile, is told once. */
function withoutRepeats(timeline: ScenarioResult['timeline']): ScenarioResult['timeline'] {
  const last = new Map<string, string>()
  return timeline.filter(({ task, kind, text }) => {
    const repeated = kind === 'done' && last.get(task) === text
    last.set(task, text)
    return !repeated
  })
}

/** Regions that plugins added, and what became of every mapping. */
export function mappingsText({ regions, mappings }: ScenarioResult): string {
  const added = regions.map(({ device, index, provider, sizeBytes, mappable, backing }) => {
    const kind = mappable ? `mappable, backed by ${backing}` : 'trapped'
    return `${device} region ${index}: ${sizeBytes} bytes, ${kind} (${provider})`
  })
  const rows = mappings.map((mapping) => [
    mapping.name,
    mapping.process,
    mapping.device,
    mapping.region,
    mapping.backing,
    mapping.faults,
    mapping.zappedPages,
    mapping.sigbus,
    mapping.presentPages,
    mapping.survived ? 'survived' : '',
  ])
  const heading = [
    'mapping',
    'process',
    'device',
    'region',
    'backing',
    'faults',
    'zapped',
    'sigbus',
    'present',
    '',
  ]
  return [...added, ...(added.length > 0 ? [''] : []), table(heading, rows)].join('\n')
}

/** Each invariant with its state. */
export function invariantsText({ invariants }: ScenarioResult, paint: Paint): string {
  return invariants
    .map(({ id, statement, holds, checked, violation }) => {
      const state = holds
        ? checked === 0
          ? paint('yellow', 'not asked')
          : paint('green', 'holds')
        : paint('red', 'BROKEN')
      const where =
        violation === undefined ? '' : `\n    step ${violation.step}, ${violation.task}: ${violation.message}`
      return `${id}  ${state}  (asked ${checked} times)  ${statement}${where}`
    })
    .join('\n')
}

/** What went wrong beside invariants. */
export function troubleText({ blocked, failures, pluginFailures }: ScenarioResult): string {
  return [
    ...blocked.map((line) => `blocked: ${line}`),
    ...failures.map((line) => `failed: ${line}`),
    ...pluginFailures.map((line) => `plugin: ${line}`),
  ].join('\n')
}

/** One line a strategy. */
export function summaryText(results: readonly ScenarioResult[]): string {
  const heading = [
    'strategy',
    'verdict',
    'steps',
    'faults',
    'zapped',
    'SIGBUS',
    'EBUSY',
    'locks taken',
    'waits',
  ]
  const rows = results.map(({ strategy, verdict, expected, steps, counts }) => [
    isCanary(strategy) ? `${strategy} (wrong on purpose)` : strategy,
    verdict === expected ? verdict : `${verdict}, expected ${expected}`,
    steps,
    counts.faults,
    counts.zappedPages,
    counts.sigbus,
    counts.ebusy,
    counts.lockAcquisitions,
    counts.waits,
  ])
  return table(heading, rows)
}
