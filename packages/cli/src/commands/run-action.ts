/** Runs a scenario and prints what came of it. */
import {
  type Host,
  PluginRecorder,
  readScenarioFile,
  runScenario,
  type Scenario,
  type ScenarioResult,
} from '@vfiokit/host'
import { painter, type Terminal } from '../terminal.ts'
import type { RunFlags } from './run.ts'
import { headingText } from './run-heading.ts'
import { compareWith, writeRecording } from './run-recording.ts'
import { resultText, summaryText } from './run-report.ts'
import { watchRun } from './run-watch.ts'

/** @returns the exit code: 0 when every strategy came out as expected, else 1 */
export async function run(path: string, flags: RunFlags, terminal: Terminal): Promise<number> {
  if (flags.watch === true) return watchRun(path, flags, terminal)
  const scenario = readScenarioFile(path)
  if (flags.against !== undefined) return compareWith(flags.against, { path, scenario, flags, terminal })
  const recorder = flags.record === undefined ? undefined : new PluginRecorder()
  let shown: Host | undefined
  const results = await runScenario(scenario, {
    seed: flags.seed,
    strategies: flags.strategy,
    recorder,
    onHost: (host) => {
      shown = host
      for (const line of host.warningLines) terminal.err.write(`${line}\n`)
    },
  })
  const text =
    flags.json === true
      ? JSON.stringify({ scenario: path, results }, undefined, 2)
      : report({ path, scenario, host: shown! }, results, flags, terminal)
  if (recorder !== undefined) writeRecording(flags.record!, recorder.recording(path), terminal)
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
