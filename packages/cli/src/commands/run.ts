/** `vfiokit run SCENARIO`: runs it, prints what happened and every invariant. */
import { readScenarioFile, runScenario, type ScenarioResult } from '@vfiokit/host'
import { type Command, InvalidArgumentError } from 'commander'
import { painter, type Terminal } from '../terminal.ts'
import { invariantsText, mappingsText, summaryText, timelineText, troubleText } from './run-report.ts'

interface RunFlags {
  readonly json?: boolean
  readonly seed?: number
  readonly strategy?: readonly string[]
  readonly timeline: boolean
}

/** Adds the command. @param finish - Takes the exit code. */
export function addRun(program: Command, terminal: Terminal, finish: (code: number) => void): void {
  program
    .command('run')
    .summary('run a scenario on simulated devices')
    .description('Runs a scenario under a seeded schedule, and prints what happened and every invariant.')
    .argument('<scenario>', 'a scenario/1 file')
    .option('--seed <n>', "seed of the schedule, instead of the scenario's", wholeNumber)
    .option('--strategy <name...>', "locking strategies, instead of the scenario's")
    .option('--no-timeline', 'leave the timeline out')
    .option('--json', 'print the results as JSON')
    .action(async (path: string, flags: RunFlags) => finish(await run(path, flags, terminal)))
}

async function run(path: string, flags: RunFlags, terminal: Terminal): Promise<number> {
  const scenario = readScenarioFile(path)
  const { seed, strategy } = flags
  const results = await runScenario(scenario, { seed, strategies: strategy })
  const text =
    flags.json === true
      ? JSON.stringify({ scenario: path, results }, undefined, 2)
      : report(results, flags, terminal)
  terminal.out.write(`${text}\n`)
  return results.every(({ verdict, expected }) => verdict === expected) ? 0 : 1
}

function report(results: readonly ScenarioResult[], { timeline }: RunFlags, terminal: Terminal): string {
  const paint = painter(terminal)
  const parts = results.flatMap((result) => [
    paint('bold', `${result.strategy} on Linux ${result.kernel}, seed ${result.seed}`),
    ...(timeline ? [timelineText(result, paint)] : []),
    mappingsText(result),
    ...(troubleText(result) === '' ? [] : [troubleText(result)]),
    invariantsText(result, paint),
  ])
  return [...parts, summaryText(results)].join('\n\n')
}

function wholeNumber(text: string): number {
  if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(Number(text)))
    throw new InvalidArgumentError('a whole number is expected')
  return Number(text)
}
