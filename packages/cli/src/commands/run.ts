/** `vfiokit run SCENARIO`: runs it, prints what happened and every invariant. */
import { type Host, readScenarioFile, runScenario, type Scenario, type ScenarioResult } from '@vfiokit/host'
import { type Command, InvalidArgumentError } from 'commander'
import { painter, type Terminal } from '../terminal.ts'
import { headingText } from './run-heading.ts'
import { resultText, summaryText } from './run-report.ts'

interface RunFlags {
  readonly json?: boolean
  readonly seed?: number
  readonly strategy?: readonly string[]
  readonly timeline: boolean
}

/** What the schedule's generator keeps of a seed. */
const SEED_MAX = 0xffff_ffff

/** Adds the command. @param finish - Takes the exit code. */
export function addRun(program: Command, terminal: Terminal, finish: (code: number) => void): void {
  program
    .command('run')
    .summary('run a scenario on simulated devices')
    .description('Runs a scenario under a seeded schedule, and prints what happened and every invariant.')
    .argument('<scenario>', 'a scenario/1 file')
    .option('--seed <n>', "seed of the schedule, instead of the scenario's", seedOf)
    .option('--strategy <name>', "a locking strategy, instead of the scenario's; may be repeated", collect)
    .option('--no-timeline', 'leave the timeline out')
    .option('--json', 'print the results as JSON')
    .action(async (path: string, flags: RunFlags) => finish(await run(path, flags, terminal)))
}

async function run(path: string, flags: RunFlags, terminal: Terminal): Promise<number> {
  const scenario = readScenarioFile(path)
  let shown: Host | undefined
  const results = await runScenario(scenario, {
    seed: flags.seed,
    strategies: flags.strategy,
    onHost: (host) => {
      shown = host
      for (const line of host.warningLines) terminal.err.write(`${line}\n`)
    },
  })
  const text =
    flags.json === true
      ? JSON.stringify({ scenario: path, results }, undefined, 2)
      : report({ path, scenario, host: shown! }, results, flags, terminal)
  terminal.out.write(`${text}\n`)
  return results.every(({ verdict, expected }) => verdict === expected) ? 0 : 1
}

function report(
  { path, scenario, host }: { path: string; scenario: Scenario; host: Host },
  results: readonly ScenarioResult[],
  { timeline }: RunFlags,
  terminal: Terminal,
): string {
  const paint = painter(terminal)
  return [
    headingText({ path, document: scenario.document, host, results }, paint),
    ...results.map((result) => resultText(result, { timeline, paint })),
    summaryText(results, paint),
  ].join('\n\n')
}

function seedOf(text: string): number {
  if (!/^\d+$/.test(text) || Number(text) > SEED_MAX)
    throw new InvalidArgumentError(`Expected a whole number from 0 to ${SEED_MAX}.`)
  return Number(text)
}

function collect(name: string, before: readonly string[] = []): readonly string[] {
  return [...before, name]
}
