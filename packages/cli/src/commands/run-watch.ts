/** `vfiokit run --watch`: runs a scenario again whenever one of its files changes, until SIGINT. */
import { dirname, join, relative, resolve } from 'node:path'
import {
  type ReloadReport,
  RunningScenario,
  readScenarioFile,
  type Scenario,
  type ScenarioResult,
} from '@vfiokit/host'
import { painter, type Terminal } from '../terminal.ts'
import { FileChanges } from './file-changes.ts'
import type { RunFlags } from './run.ts'
import { headingText } from './run-heading.ts'
import { resultText, summaryText } from './run-report.ts'
import { pluginFolders, watchedPlugins } from './watched-plugins.ts'

/** @returns the exit code: that of the last run */
export async function watchRun(path: string, flags: RunFlags, terminal: Terminal): Promise<number> {
  const changes = new FileChanges()
  const stop = () => changes.close()
  process.once('SIGINT', stop)
  try {
    const run = new WatchedRun(path, flags, terminal)
    await run.begin()
    for (;;) {
      changes.look(run.watched())
      terminal.err.write(`${path}: waiting for changes\n`)
      const changed = await changes.next()
      if (changed === undefined) return run.exitCode
      await run.changed(changed)
    }
  } finally {
    process.off('SIGINT', stop)
    changes.close()
  }
}

class WatchedRun {
  #scenario!: Scenario
  #running: RunningScenario | undefined
  #plugins: Awaited<ReturnType<typeof watchedPlugins>> = []
  /** Changes of modules that are not used yet: what comes next may be what they lack. */
  #unused: readonly string[] = []
  exitCode = 0

  constructor(
    readonly path: string,
    readonly flags: RunFlags,
    readonly terminal: Terminal,
  ) {}

  watched(): { files: readonly string[]; moduleFolders: readonly string[] } {
    return { files: this.#ownFiles(), moduleFolders: pluginFolders(this.#scenario) }
  }

  /** @throws ConfigError as `vfiokit run`. */
  async begin(): Promise<void> {
    const scenario = readScenarioFile(this.path)
    const plugins = await watchedPlugins(scenario)
    const running = await RunningScenario.start(scenario, plugins, {
      seed: this.flags.seed,
      strategies: this.flags.strategy,
    })
    this.#running?.close()
    this.#running = running
    this.#scenario = scenario
    this.#plugins = plugins
    this.#unused = []
    const { host } = running
    for (const line of host.warningLines) this.terminal.err.write(`${line}\n`)
    const result = running.run()
    const paint = painter(this.terminal)
    const { document } = scenario
    this.#print([headingText({ path: this.path, document, host, results: [result] }, paint)])
    this.#show(result, this.flags.timeline)
  }

  /** What cannot be used leaves everything as it is. */
  async changed(files: readonly string[]): Promise<void> {
    const own = this.#ownFiles().filter((file) => files.includes(file))
    try {
      if (own.length === 0) return await this.#reload(files)
      this.#print([`${shortly(own)}: changed, a new host`])
      await this.begin()
    } catch (cause) {
      if (!(cause instanceof Error) || cause.name !== 'ConfigError') throw cause
      this.terminal.err.write(`${cause.message}\n`)
      this.#print(['nothing is changed: the host goes on as it is'])
    }
  }

  async #reload(changed: readonly string[]): Promise<void> {
    const files = [...new Set([...this.#unused, ...changed])]
    this.#unused = files
    const plugins = await watchedPlugins(this.#scenario, files, this.#plugins)
    const running = this.#running!
    const report = await running.reload(plugins)
    this.#print([reportText(files, report)])
    if (report.outcome === 'kept') return
    this.#plugins = plugins
    this.#unused = []
    this.#show(running.run(), false)
  }

  #show(result: ScenarioResult, timeline: boolean): void {
    const paint = painter(this.terminal)
    this.#print([resultText(result, { timeline, paint }), summaryText([result], paint)])
    this.exitCode = result.verdict === result.expected ? 0 : 1
  }

  #print(parts: readonly string[]): void {
    this.terminal.out.write(`${parts.join('\n\n')}\n\n`)
  }

  #ownFiles(): readonly string[] {
    const scenario = resolve(this.path)
    return [scenario, resolve(join(dirname(this.path), this.#scenario.document.host))]
  }
}

const OUTCOMES: Readonly<Record<ReloadReport['outcome'], string>> = {
  reloaded: 'loaded into the running host',
  'new-host': 'loaded into a new host',
  kept: 'not used: the host goes on with the old one',
}

function reportText(
  files: readonly string[],
  { outcome, changes, reasons, zappedPages }: ReloadReport,
): string {
  const zapped = outcome === 'reloaded' ? [`zapped ${zappedPages} page${zappedPages === 1 ? '' : 's'}`] : []
  return [
    `${shortly(files)}: ${OUTCOMES[outcome]}`,
    ...reasons.map((reason) => `  because ${reason}`),
    ...(outcome === 'reloaded' && changes.length === 0 ? ['  regions and members are the same'] : []),
    ...[...changes, ...zapped].map((line) => `  ${line}`),
  ].join('\n')
}

/** As seen from where the command runs. */
function shortly(files: readonly string[]): string {
  return files.map((file) => relative('', file)).join(', ')
}
