/** `vfiokit run --record FILE` and `--against FILE`: writes what plugins did, and compares with it. */
import { writeFileSync } from 'node:fs'
import {
  ConfigError,
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
import { differenceText, lineOfRun } from './recording-report.ts'
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
  const recorded = expected.runs.map(({ start }) => start.strategy)
  try {
    await runScenario(scenario, {
      seed: flags.seed ?? expected.runs[0]?.start.seed,
      strategies: flags.strategy ?? recorded,
      recorder,
      onHost: ({ warningLines }) => {
        for (const line of warningLines) terminal.err.write(`${line}\n`)
      },
    })
  } catch (cause) {
    throw flags.strategy === undefined ? inRecording(cause, file, expected) : cause
  }
  const found = recorder.recording(path)
  const difference = firstDifference(expected, found)
  const text =
    difference === undefined
      ? `${path}: the same as ${file}, ${counted(found)}`
      : differenceText(difference, { path, file, expected, found }, painter(terminal))
  terminal.out.write(`${text}\n`)
  return difference === undefined ? 0 : 1
}

/** A strategy that the recording names, and that there is not, stands in its file. */
function inRecording(cause: unknown, file: string, recording: Recording): unknown {
  if (!(cause instanceof ConfigError)) return cause
  return new ConfigError(
    cause.diagnostics.map((each) => {
      const run = recording.runs.findIndex(({ start }) => start.strategy === each.found)
      const isNamed = each.code === 'strategy-unknown' && each.file === undefined && run >= 0
      return isNamed ? { ...each, file, line: lineOfRun(recording, run) } : each
    }),
  )
}

function counted(recording: Recording): string {
  const calls = callCount(recording)
  const runs = recording.runs.length
  return `${calls} call${calls === 1 ? '' : 's'} of plugins in ${runs} run${runs === 1 ? '' : 's'}`
}
