/** Every interleaving of a slot: threads that fault, a guest that turns memory off and on, hot resets. */
import {
  type AnyLockingStrategy,
  explore,
  type LockSemantics,
  type ModelSpec,
  runToEnd,
  type StrategyVerdict,
} from '@vfiokit/explorer'
import { demand } from '../demand.ts'

/** How much there is of everything. */
export interface SlotSize {
  readonly devices: number
  /** Faulting threads of each device. */
  readonly faults: number
}

const RESETS = 2

/** @throws RuleBroken with the steps that lead to what is wrong. */
export function demandExplored(strategy: AnyLockingStrategy, size: SlotSize, semantics: LockSemantics): void {
  const verdict = runToEnd(explore(strategy, slot(size), { semantics }))
  demand(verdict.verdict === 'ok', whatIsWrong(verdict))
}

function slot({ devices, faults }: SlotSize): ModelSpec {
  const names = Array.from({ length: devices }, (_, at) => `d${at}`)
  const first = names[0]!
  return {
    devices: names,
    processes: ['p0'],
    mappings: names.map((device) => ({ name: `bar ${device}`, device, process: 'p0' })),
    tasks: [
      ...names.map((device) => ({
        name: `cpu ${device}`,
        count: faults,
        steps: [{ do: 'touch', mapping: `bar ${device}` } as const],
      })),
      {
        name: 'guest',
        steps: [
          { do: 'set-memory', device: first, on: false },
          { do: 'set-memory', device: first, on: true },
        ],
      },
      { name: 'slot', count: RESETS, steps: [{ do: 'hot-reset', onBusy: 'give-up' }] },
    ],
  }
}

function whatIsWrong({ verdict, property, message, counterexample }: StrategyVerdict): string {
  const what = [verdict, property, message].filter((part) => part !== undefined).join(': ')
  if (counterexample === undefined) return what
  const steps = counterexample.steps.map(({ task, op, object }) => `${task}: ${op} ${object}`)
  return [`${what}, after`, ...steps].join('\n  ')
}
