/** `vfiokit run --record FILE` and `--against FILE`: writes what plugins did, and compares with it. */
import { writeFileSync } from 'node:fs'
import {
  callCount,
  firstDifference,
  PluginRecorder,
  type Recording,
  readRecordingFile,
  recordingText,
  runScenario,
  type Scenario,
} from '@vfiokit/host'
import { painter, type Terminal } from '../terminal.ts'
import { differenceText } from './recording-report.ts'
import type { RunFlags } from './run.ts'

interface Comparison {
  /** Of the scenario. */
  readonly path: string
  readonly scenario: Scenario
  readonly flags: RunFlags
  readonly terminal: Terminal
}

/** Writes the file, and says on stderr how much there is in it: the output stays what it is without. */
export function writeRecording(file: string, recording: Recording, { err }: Terminal): void {
  writeFileSync(file, recordingText(recording))
  err.write(`${file}: ${counted(recording)}\n`)
}

/**
 * Runs a scenario as it was recorded, unless flags say otherwise.
 *
 * @returns the exit code: 0 when plugins were asked and answered the same, else 1
 * @throws ConfigError for a file that is no recording.
 */
export async function compareWith(
  file: string,
  { path, scenario, flags, terminal }: Comparison,
): Promise<number> {
  const expected = readRecordingFile(file)
  const recorder = new PluginRecorder()
  await runScenario(scenario, {
    seed: flags.seed ?? expected.runs[0]?.start.seed,
    strategies: flags.strategy ?? expected.runs.map(({ start }) => start.strategy),
    recorder,
    onHost: ({ warningLines }) => {
      for (const line of warningLines) terminal.err.write(`${line}\n`)
    },
  })
  const found = recorder.recording(path)
  const difference = firstDifference(expected, found)
  const text =
    difference === undefined
      ? `${path}: the same as ${file}, ${counted(found)}`
      : differenceText(difference, { path, file, expected, found }, painter(terminal))
  terminal.out.write(`${text}\n`)
  return difference === undefined ? 0 : 1
}

function counted(recording: Recording): string {
  const calls = callCount(recording)
  const runs = recording.runs.length
  return `${calls} call${calls === 1 ? '' : 's'} of plugins in ${runs} run${runs === 1 ? '' : 's'}`
}
