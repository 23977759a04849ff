/** Files that `vfiokit explore` writes and reads: counterexamples, Promela models, graphs. */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import {
  type AnyLockingStrategy,
  type Counterexample,
  dotOf,
  Model,
  type ModelSpec,
  promelaOf,
  replay,
  type StrategyVerdict,
} from '@vfiokit/explorer'
import { ConfigError } from '@vfiokit/host/files'
import type { Terminal } from '../terminal.ts'
import type { ExploreFlags } from './explore.ts'

/** One counterexample in a file. */
interface Kept extends Pick<Counterexample, 'lockSemantics' | 'steps'> {
  readonly scenario: string
  readonly strategy: string
  readonly property: string | undefined
  /** Of the automata that it was found in: another one says that the code has changed. */
  readonly sourceHash: string
}

/** What results are about, in their order. */
interface Explored {
  readonly scenario: string
  readonly spec: ModelSpec
  readonly strategies: readonly AnyLockingStrategy[]
}

/** Writes the counterexamples of some results, with what they were found in. */
export function keep(
  file: string,
  { scenario, spec, strategies }: Explored,
  results: readonly StrategyVerdict[],
): void {
  const kept = results.flatMap(({ strategy: name, property, counterexample }, at): Kept[] => {
    if (counterexample === undefined) return []
    const { lockSemantics, steps } = counterexample
    const hash = sourceHash(strategies[at]!, spec)
    return [{ scenario, strategy: name, property, sourceHash: hash, lockSemantics, steps }]
  })
  writeFileSync(file, `${JSON.stringify(kept, undefined, 2)}\n`)
}

/** A name for what a strategy does in a model: the text of its automata, hashed. */
function sourceHash(strategy: AnyLockingStrategy, spec: ModelSpec): string {
  const { automata } = new Model(strategy, spec).program()
  return createHash('sha256').update(JSON.stringify(automata)).digest('hex').slice(0, 16)
}

/** @returns 0 when every counterexample ends as it was kept, else 1. */
export function replayKept(
  file: string,
  strategies: readonly AnyLockingStrategy[],
  spec: ModelSpec,
  { out }: Terminal,
): number {
  let code = 0
  for (const kept of readKept(file)) {
    const strategy = strategies.find(({ name }) => name === kept.strategy)
    if (strategy === undefined) continue
    const changed = sourceHash(strategy, spec) === kept.sourceHash ? '' : ' (the code has changed since)'
    const result = replay(new Model(strategy, spec).program(), { ...kept, blocked: [], isShortest: false })
    if (result.outcome === 'diverged') {
      code = 1
      const { at, expected, found } = result
      out.write(`${kept.strategy}: step ${at} was "${expected}" and is "${found}"${changed}\n`)
    } else if (result.property === kept.property)
      out.write(`${kept.strategy}: ${kept.property} again, after ${kept.steps.length} steps${changed}\n`)
    else {
      code = 1
      const now = result.property ?? 'nothing wrong'
      out.write(`${kept.strategy}: ${kept.property} before, now ${now}${changed}\n`)
    }
  }
  return code
}

function readKept(file: string): Kept[] {
  try {
    const read: unknown = JSON.parse(readFileSync(file, 'utf8'))
    const kept: unknown[] = Array.isArray(read) ? read : [read]
    if (kept.every(isKept)) return kept
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  const message = `${file} holds no counterexamples`
  throw new ConfigError([
    { severity: 'error', code: 'counterexample-file', message, expected: 'what --save writes' },
  ])
}

function isKept(value: unknown): value is Kept {
  const { strategy, steps, lockSemantics } = Object(value) as Partial<Kept>
  const isSemantics = lockSemantics === 'any-free-moment' || lockSemantics === 'queue-fair'
  return typeof strategy === 'string' && Array.isArray(steps) && isSemantics
}

/** Writes one model for each strategy; with several, the name of the strategy goes into the file's. */
export function writeModels(
  strategies: readonly AnyLockingStrategy[],
  spec: ModelSpec,
  { promela, dot }: ExploreFlags,
): number {
  for (const strategy of strategies) {
    const program = new Model(strategy, spec).program()
    const place = (file: string) => (strategies.length === 1 ? file : named(file, strategy.name))
    if (promela !== undefined) writeFileSync(place(promela), promelaOf(program))
    if (dot !== undefined) writeFileSync(place(dot), program.automata.map(dotOf).join('\n'))
  }
  return 0
}

function named(file: string, strategy: string): string {
  const dot = file.lastIndexOf('.')
  return dot <= 0 ? `${file}.${strategy}` : `${file.slice(0, dot)}.${strategy}${file.slice(dot)}`
}
