/** Writes down what plugins are asked and answer during the runs of a scenario. */
import type { ScenarioResult } from '../scenario/scenario-result.ts'
import type { RecordedRun, Recording } from './recording.ts'
import { RunRecorder } from './run-recorder.ts'

/**
 * Give it to `runScenario`; afterwards it has the recording.
 */
export class PluginRecorder {
  readonly #runs: RecordedRun[] = []

  /** For the host of the next run. */
  next(): RunRecorder {
    return new RunRecorder()
  }

  /** That run has come to this. */
  ended({ calls }: RunRecorder, { strategy, seed, kernel, verdict }: ScenarioResult): void {
    this.#runs.push({ start: { strategy, seed, kernel }, calls, verdict })
  }

  /** All runs so far. @param scenario - How the file calls the scenario. */
  recording(scenario: string): Recording {
    return { scenario, runs: this.#runs }
  }
}
