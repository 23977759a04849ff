/** A scenario that has run, whose host goes on: plugins are exchanged in it, and the tasks run again. */
import { runLive } from '@vfiokit/locking'
import type { Plugin } from '@vfiokit/plugin'
import { ConfigError, complainPlainly } from '../config-error.ts'
import { createHost } from '../create-host.ts'
import type { Host } from '../host.ts'
import { runTasks, type ScenarioOptions, stageFor, strategiesOf } from '../scenario/run-scenario.ts'
import type { Scenario } from '../scenario/scenario-file.ts'
import type { ScenarioResult } from '../scenario/scenario-result.ts'
import { type Stage, setStage } from '../scenario/stage.ts'
import { ExchangeablePlugin } from './exchangeable-plugin.ts'
import { type Exchange, planExchange } from './plugin-exchange.ts'

/** What came of new plugins. */
export interface ReloadReport {
  /**
   * reloaded: they are in the running host; new-host: the scenario begins again on another one; kept: the old ones
   * stay where they are.
   */
  readonly outcome: 'reloaded' | 'new-host' | 'kept'
  /** What is different, a line each. */
  readonly changes: readonly string[]
  /** Why there is a new host, or why the old plugins stay. */
  readonly reasons: readonly string[]
  /** Pages of mappings that were taken away. */
  readonly zappedPages: number
}

/** How a scenario is started. */
export type RunningOptions = Pick<ScenarioOptions, 'seed' | 'strategies'>

interface Running {
  readonly host: Host
  readonly stage: Stage
  readonly plugins: readonly ExchangeablePlugin[]
  /** How many failures of plugins earlier runs have told. */
  told: number
}

/** One scenario under one strategy: the first of those that are asked for. */
export class RunningScenario {
  #running: Running

  private constructor(
    readonly scenario: Scenario,
    readonly options: RunningOptions,
    running: Running,
  ) {
    this.#running = running
  }

  /**
   * Brings a host up, opens what the scenario opens and makes its mappings.
   *
   * @param plugins - Instead of those that the scenario's host names.
   * @throws ConfigError as `runScenario`.
   */
  static async start(
    scenario: Scenario,
    plugins: readonly Plugin[],
    options: RunningOptions = {},
  ): Promise<RunningScenario> {
    return new RunningScenario(scenario, options, await bringUp(scenario, plugins, options))
  }

  get host(): Host {
    return this.#running.host
  }

  /** Its processes, with what they have open and mapped. */
  get stage(): Stage {
    return this.#running.stage
  }

  /** Runs the tasks, on what earlier runs have left. What plugins did wrong is told by one run, the next. */
  run(): ScenarioResult {
    const result = runTasks(this.stage, this.scenario.document, { seed: this.options.seed })
    const pluginFailures = result.pluginFailures.slice(this.#running.told)
    this.#running.told = result.pluginFailures.length
    return { ...result, pluginFailures }
  }

  /** Ends its processes, so that plugins see the end of their devices; not where locks are held for ever. */
  close(): void {
    if (this.#stuck().length === 0) exitAll(this.stage)
  }

  /**
   * Puts other plugins into the running host. They are tried on a spare one first; where that fails, nothing is
   * changed here. Regions that are open are opened by the new code, then closed by the old, and their mappings lose
   * their pages; files, configuration space and mappings of BARs stay as they are.
   *
   * @param plugins - As many as there are, in the same order; those that are the same are left alone.
   */
  async reload(plugins: readonly Plugin[]): Promise<ReloadReport> {
    const refused = await this.#tried(plugins)
    if (refused.length > 0) return { outcome: 'kept', changes: [], reasons: refused, zappedPages: 0 }
    const exchange = planExchange(this.#running.plugins, plugins, this.host)
    if ('failure' in exchange)
      return { outcome: 'kept', changes: [], reasons: [exchange.failure], zappedPages: 0 }
    const needsHost = [...exchange.needsHost, ...this.#stuck()]
    if (needsHost.length === 0)
      return {
        outcome: 'reloaded',
        changes: exchange.changes,
        reasons: [],
        zappedPages: exchange.commit(this.stage),
      }
    exchange.abandon()
    return this.#startAgain(plugins, exchange, needsHost)
  }

  async #startAgain(
    plugins: readonly Plugin[],
    { changes }: Exchange,
    reasons: readonly string[],
  ): Promise<ReloadReport> {
    let next: Running
    try {
      next = await bringUp(this.scenario, plugins, this.options)
    } catch (cause) {
      if (!(cause instanceof ConfigError)) throw cause
      return { outcome: 'kept', changes, reasons: cause.message.split('\n'), zappedPages: 0 }
    }
    this.close()
    this.#running = next
    return { outcome: 'new-host', changes, reasons, zappedPages: 0 }
  }

  /** Why nothing can be exchanged in this host: tasks of the last run wait for ever, and hold locks. */
  #stuck(): string[] {
    const busy = this.host.core.locks.busy().map(({ name }) => name)
    return busy.length === 0 ? [] : [`the last run holds ${busy.join(', ')} for ever`]
  }

  /** Opens every device on a host of its own. @returns what plugins do wrong there. */
  async #tried(plugins: readonly Plugin[]): Promise<readonly string[]> {
    const { document, complain = complainPlainly } = this.scenario
    try {
      const { topology, strategy } = this.host
      const host = await createHost({ ...this.scenario.host, topology, strategy, plugins })
      const bare = { ...document, mappings: {}, tasks: [] }
      exitAll(setStage(host, bare, complain))
      return host.bus.failureLines
    } catch (cause) {
      if (!(cause instanceof ConfigError)) throw cause
      return cause.message.split('\n')
    }
  }
}

async function bringUp(
  scenario: Scenario,
  given: readonly Plugin[],
  options: RunningOptions,
): Promise<Running> {
  const { document, complain = complainPlainly } = scenario
  const config = { ...scenario.host, fairLocks: document.locks?.fair, plugins: given }
  const first = await createHost(config)
  const [strategy] = strategiesOf(scenario, options, first)
  const plugins = given.map((each) => new ExchangeablePlugin(each))
  const { topology } = first
  const host = await createHost({
    ...config,
    topology,
    strategy: strategy ?? first.strategy,
    plugins: plugins.map(({ plugin }) => plugin),
  })
  return { host, stage: stageFor(host, document, complain), plugins, told: 0 }
}

function exitAll({ processes }: Stage): void {
  for (const process of processes.values()) runLive(process.exit())
}
