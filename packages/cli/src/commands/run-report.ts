/** What `vfiokit run` prints of each strategy, and of all of them at the end. */
import { firstViolation, isCanary, type ScenarioResult } from '@vfiokit/host'
import { table } from '../table.ts'
import type { Colour, Paint } from '../terminal.ts'

const EVENT_COLOURS: Readonly<Partial<Record<string, Colour>>> = {
  wait: 'yellow',
  zap: 'cyan',
  reset: 'bold',
  signal: 'red',
  errno: 'yellow',
  failed: 'red',
  done: 'dim',
}

/** One run: what happened, what became of the mappings, and every invariant. */
export function resultText(
  result: ScenarioResult,
  { timeline, paint }: { readonly timeline: boolean; readonly paint: Paint },
): string {
  const trouble = troubleLines(result)
  return [
    paint('bold', `== ${result.strategy}`),
    ...(timeline ? [timelineText(result, paint)] : []),
    ...(result.mappings.length === 0 ? [] : [mappingsText(result)]),
    ...(trouble.length === 0 ? [] : [trouble.join('\n')]),
    invariantsText(result, paint),
  ].join('\n\n')
}

function timelineText(result: ScenarioResult, paint: Paint): string {
  const timeline = withoutRepeats(result.timeline)
  const stepWidth = Math.max('step'.length, String(result.steps).length)
  const taskWidth = Math.max('task'.length, ...timeline.map(({ task }) => task.length))
  const lines = timeline.map(({ step, task, kind, text }) => {
    const line = `${String(step).padStart(stepWidth)}  ${task.padEnd(taskWidth)}  ${text}`
    const colour = EVENT_COLOURS[kind]
    return colour === undefined ? line : paint(colour, line)
  })
  return [`${'step'.padStart(stepWidth)}  ${'task'.padEnd(taskWidth)}  what`, ...lines].join('\n')
}

/** A task that does the same again, and nothing happened to it meanwhile, is told once. */
function withoutRepeats(timeline: ScenarioResult['timeline']): ScenarioResult['timeline'] {
  const last = new Map<string, string>()
  return timeline.filter(({ task, kind, text }) => {
    const isRepeated = (kind === 'done' || kind === 'errno') && last.get(task) === text
    last.set(task, text)
    return !isRepeated
  })
}

function mappingsText({ mappings }: ScenarioResult): string {
  const rows = mappings.map((mapping) => [
    mapping.name,
    mapping.backing,
    mapping.faults,
    mapping.zappedPages,
    mapping.sigbus,
    mapping.presentPages,
    mapping.survived ? 'survived' : '',
  ])
  return table(['mapping', 'backed by', 'faults', 'zapped', 'SIGBUS', 'present', ''], rows)
}

function invariantsText({ invariants }: ScenarioResult, paint: Paint): string {
  return invariants
    .map(({ id, statement, holds, checked, violation }) => {
      const asked = checked === 1 ? 'asked once' : `asked ${checked} times`
      if (violation !== undefined || !holds) {
        const where = violation && `\n    step ${violation.step}, ${violation.task}: ${violation.message}`
        return `${id}  ${paint('red', 'BROKEN   ')}  ${statement} (${asked})${where ?? ''}`
      }
      const state = checked === 0 ? paint('yellow', 'not asked') : paint('green', 'holds    ')
      return `${id}  ${state}  ${statement}${checked === 0 ? '' : ` (${asked})`}`
    })
    .join('\n')
}

function troubleLines({ blocked, failures, pluginFailures }: ScenarioResult): string[] {
  return [
    ...blocked.map((line) => `blocked: ${line}`),
    ...failures.map((line) => `failed: ${line}`),
    ...pluginFailures.map((line) => `plugin: ${line}`),
  ]
}

/** One line a strategy, and where each of those that broke something did it first. */
export function summaryText(results: readonly ScenarioResult[], paint: Paint): string {
  const heading = [
    'strategy',
    'steps',
    'faults',
    'zapped',
    'SIGBUS',
    'EBUSY',
    'locks taken',
    'waits',
    'verdict',
  ]
  const rows = results.map((result) => {
    const { strategy, steps, counts } = result
    return [
      isCanary(strategy) ? `${strategy} (wrong on purpose)` : strategy,
      steps,
      counts.faults,
      counts.zappedPages,
      counts.sigbus,
      counts.ebusy,
      counts.lockAcquisitions,
      counts.waits,
      verdictText(result, paint),
    ]
  })
  return [table(heading, rows), ...results.flatMap(firstBroken)].join('\n')
}

function verdictText({ verdict, expected }: ScenarioResult, paint: Paint): string {
  if (verdict !== expected) return paint('red', `${verdict}, expected ${expected}`)
  return verdict === 'ok' ? paint('green', verdict) : paint('yellow', `${verdict}, as expected`)
}

function firstBroken(result: ScenarioResult): string[] {
  const first = firstViolation(result)
  if (first === undefined) return []
  return [`${result.strategy} broke ${first.id} at step ${first.step}, ${first.task}: ${first.message}`]
}
