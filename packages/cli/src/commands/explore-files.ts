/** Files that `vfiokit explore` writes and reads: counterexamples, Promela models, graphs. */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import {
  type AnyLockingStrategy,
  type Counterexample,
  dotOf,
  Model,
  type ModelSize,
  type ModelSpec,
  promelaOf,
  replay,
  type TraceStep,
} from '@vfiokit/explorer'
import { ConfigError, type Scenario } from '@vfiokit/host/files'
import type { Terminal } from '../terminal.ts'
import type { ExploreFlags } from './explore.ts'
import type { EngineVerdict } from './explore-engine.ts'

/** One counterexample in a file. */
interface Kept extends Pick<Counterexample, 'lockSemantics' | 'steps'> {
  readonly scenario: string
  readonly strategy: string
  readonly property: string | undefined
  /** Of the automata that it was found in: another one says that the code has changed. Of models only. */
  readonly sourceHash?: string
  /** What was asked for on the command line. */
  readonly size?: ModelSize
  /** Of the whole engine: whose turn it was, step by step. */
  readonly schedule?: readonly string[]
}

/** What results are about, in their order. */
interface Explored {
  readonly scenario: string
  readonly specOf: (size: ModelSize) => ModelSpec
  readonly size: ModelSize
  readonly strategies: readonly AnyLockingStrategy[]
}

/** Writes the counterexamples of some results, with what they were found in. */
export function keep(
  file: string,
  { scenario, specOf, size, strategies }: Explored,
  results: readonly EngineVerdict[],
): void {
  const kept = results.flatMap(({ strategy: name, property, counterexample, schedule }, at): Kept[] => {
    if (counterexample === undefined) return []
    const { lockSemantics, steps } = counterexample
    const of = { scenario, strategy: name, property }
    if (schedule !== undefined) return [{ ...of, lockSemantics, schedule, steps }]
    const asked = Object.values(size).some((each) => each !== undefined) ? { size } : {}
    return [{ ...of, sourceHash: sourceHash(strategies[at]!, specOf(size)), ...asked, lockSemantics, steps }]
  })
  writeFileSync(file, `${JSON.stringify(kept, undefined, 2)}\n`)
}

/** A name for what a strategy does in a model: the text of its automata, hashed. */
function sourceHash(strategy: AnyLockingStrategy, spec: ModelSpec): string {
  const { automata } = new Model(strategy, spec).program()
  return createHash('sha256').update(JSON.stringify(automata)).digest('hex').slice(0, 16)
}

/** What kept counterexamples are taken again in. */
interface Stage {
  readonly strategies: readonly AnyLockingStrategy[]
  readonly scenario: Scenario
  readonly specOf: (size: ModelSize) => ModelSpec
  /** Instead of the size that was kept. */
  readonly size: ModelSize
}

/** @returns 0 when every counterexample ends as it was kept, else 1. */
export async function replayKept(file: string, stage: Stage, { out }: Terminal): Promise<number> {
  let code = 0
  for (const kept of readKept(file)) {
    const strategy = stage.strategies.find(({ name }) => name === kept.strategy)
    if (strategy === undefined) continue
    const { isSame, says } =
      kept.schedule === undefined
        ? replayModel(kept, strategy, stage)
        : await replaySchedule(kept, kept.schedule, strategy, stage)
    if (!isSame) code = 1
    out.write(`${kept.strategy}: ${says}\n`)
  }
  return code
}

interface Replayed {
  readonly isSame: boolean
  readonly says: string
}

function replayModel(kept: Kept, strategy: AnyLockingStrategy, { specOf, size }: Stage): Replayed {
  const asked = Object.fromEntries(Object.entries(size).filter(([, value]) => value !== undefined))
  const spec = specOf({ ...kept.size, ...asked })
  const changed = sourceHash(strategy, spec) === kept.sourceHash ? '' : ' (the code has changed since)'
  const result = replay(new Model(strategy, spec).program(), { ...kept, blocked: [], isShortest: false })
  if (result.outcome !== 'diverged') return compared(kept, result.property, kept.steps.length, changed)
  const { at, expected, found } = result
  return { isSame: false, says: `step ${at} was "${expected}" and is "${found}"${changed}` }
}

async function replaySchedule(
  kept: Kept,
  schedule: readonly string[],
  strategy: AnyLockingStrategy,
  { scenario }: Stage,
): Promise<Replayed> {
  const { replayEngine } = await import('@vfiokit/host')
  const found = await replayEngine(scenario, strategy, schedule, kept.lockSemantics === 'queue-fair')
  return compared(kept, found?.property, schedule.length, '')
}

function compared({ property }: Kept, now: string | undefined, steps: number, changed: string): Replayed {
  return now === property
    ? { isSame: true, says: `${property} again, after ${steps} steps${changed}` }
    : { isSame: false, says: `${property} before, now ${now ?? 'nothing wrong'}${changed}` }
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
  const { strategy, steps, lockSemantics, size, schedule } = Object(value) as Partial<Kept>
  const isSemantics = lockSemantics === 'any-free-moment' || lockSemantics === 'queue-fair'
  const isSize = Object.values(Object(size ?? {})).every((each) => Number.isInteger(each))
  const isSchedule = schedule === undefined || isTexts(schedule)
  return typeof strategy === 'string' && isSteps(steps) && isSemantics && isSize && isSchedule
}

function isSteps(value: unknown): boolean {
  const isStep = (step: unknown) => {
    const { task, op, object, result } = Object(step) as Partial<TraceStep>
    return isTexts([task, op, object, result])
  }
  return Array.isArray(value) && value.every(isStep)
}

const isTexts = (value: unknown): boolean =>
  Array.isArray(value) && value.every((each) => typeof each === 'string')

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
