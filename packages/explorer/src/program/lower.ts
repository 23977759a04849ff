/** Turns the ops of a compiled operation into instructions over numbered locks and variables. */
import {
  Cell,
  DerivedCell,
  type GetOp,
  isOp,
  type Op,
  type OpKind,
  type OpsByKind,
  type SetOp,
} from '@vfiokit/locking'
import type { RawAutomaton, RawNode } from '../compile/compile.ts'
import { CompileError } from '../compile/compile-error.ts'
import { candidatesOf, derivedTable } from '../compile/results.ts'
import {
  type Automaton,
  type AutomatonNode,
  always,
  type Check,
  END,
  type Instruction,
  type Write,
} from './automaton.ts'
import type { ExploredPages } from './explored-pages.ts'
import type { Symbols } from './symbols.ts'

/** Where an op stands: the operation by its name, and the scopes around the op, outermost first. */
export interface OpPlace {
  readonly operation: string
  readonly path: readonly string[]
}

/** What must hold of a step: the invariants of a model. */
export type StepChecks = (op: Op<unknown>, held: RawNode['held'], place: OpPlace) => readonly Check[]

/** Where ops find their state. */
export interface LoweringContext {
  readonly symbols: Symbols
  readonly pages: ExploredPages
  readonly checks: StepChecks
  /** Whether a property is asked; every one by default. */
  readonly isAsked?: (property: string) => boolean
}

/** An automaton of numbers. What breaks a rule of locks becomes a step that violates it. */
export function lower(raw: RawAutomaton, context: LoweringContext): Automaton {
  const nodes = raw.nodes.map((node) => onlyAsked(lowerNode(raw.name, node, context), context))
  // Node 0 is the start by construction, unless a label put another there.
  if (raw.start !== 0) throw new CompileError('unbounded', raw.name, 'its first step is not its first node')
  const end = nodes.length
  return { name: raw.name, nodes: [...nodes.map((node) => failuresEndAt(node, end)), endNode()] }
}

function onlyAsked(node: AutomatonNode, { isAsked }: LoweringContext): AutomatonNode {
  if (isAsked === undefined) return node
  return { ...node, checks: node.checks.filter(({ property }) => isAsked(property)) }
}

function failuresEndAt(node: AutomatonNode, end: number): AutomatonNode {
  return node.op === 'failure' ? { ...node, next: [end], progress: [false] } : node
}

function endNode(): AutomatonNode {
  const nothing = { checks: [], held: [], next: [], progress: [], results: [] }
  return { instruction: END, op: 'end', object: '', ...nothing }
}

function lowerNode(name: string, raw: RawNode, context: LoweringContext): AutomatonNode {
  const { symbols } = context
  const held = raw.held.map(({ lock, mode }) => ({ lock: symbols.lock(lock), mode }))
  const failure = (property: string, message: string): AutomatonNode => ({
    instruction: { kind: 'choice', outcomes: 1 },
    checks: [{ property, message: `${name}: ${message}`, table: always(1), anyOf: [] }],
    held,
    next: [],
    progress: [],
    op: 'failure',
    object: message,
    results: [''],
  })
  if (raw.broken !== undefined) return failure('I7', raw.broken)
  if (raw.op === undefined)
    return raw.ending!.kind === 'threw'
      ? failure('throws', String((raw.ending as { error: unknown }).error))
      : { ...endNode(), held }
  const instruction = instructionOf(raw.op, name, context)
  if (instruction === undefined) return failure('range', `${raw.op.object} is no value of the cell`)
  const { kind: op, object } = raw.op
  const checks = [
    ...context.checks(raw.op, raw.held, { operation: name, path: raw.path }),
    ...assertionOf(raw.op),
  ]
  const results = raw.results.map(resultText)
  return { instruction, checks, held, next: raw.next, progress: raw.progress, op, object, results }
}

function assertionOf(op: Op<unknown>): Check[] {
  if (!isOp(op, 'assert')) return []
  const alsoAsk = () => !op.holds()
  return [{ property: 'assertion', message: op.object, table: always(1), anyOf: [], alsoAsk }]
}

/** @returns undefined for a write of a value that the cell does not have. */
type Lowering<K extends OpKind> = (op: OpsByKind[K], context: LoweringContext) => Instruction | undefined

const onLock: Lowering<'acquire' | 'try-acquire' | 'release'> = ({ kind, lock, mode }, { symbols }) => {
  return { kind, lock: symbols.lock(lock), mode }
}

const changesList: Lowering<'list-add' | 'list-remove'> = ({ kind, list, member }, { symbols }) =>
  write([{ variable: symbols.listed(list, member), value: Number(kind === 'list-add'), guard: undefined }])

/** Marks are missing: a run never stands at one. */
const INSTRUCTIONS: { readonly [K in OpKind]?: Lowering<K> } = {
  acquire: onLock,
  'try-acquire': onLock,
  release: onLock,
  get: readOfCell,
  set: writeOfCell,
  'list-first'(first, { symbols }) {
    return {
      kind: 'first',
      variables: candidatesOf(first).map((member) => symbols.listed(first.list, member)),
    }
  },
  'list-has': ({ list, member }, { symbols }) => yesOrNo(symbols.listed(list, member), symbols),
  'list-add': changesList,
  'list-remove': changesList,
  access: ({ mapping, page }, { pages, symbols }) => yesOrNo(pages.page(mapping, page), symbols),
  'is-linked': ({ mapping }, { pages, symbols }) => yesOrNo(pages.linked(mapping), symbols),
  insert: (op, { pages }) => write(pages.inserted(op)),
  zap: (op, { pages }) => write(pages.zapped(op)),
  'zap-mapping': ({ mapping }, { pages }) => write(pages.emptied(mapping)),
  link: (op, { pages }) => write(pages.relinked(op)),
  effect: ({ outcomes }) => ({ kind: 'choice', outcomes: outcomes.length }),
  assert: () => ({ kind: 'choice', outcomes: 1 }),
}

function instructionOf(op: Op<unknown>, name: string, context: LoweringContext): Instruction | undefined {
  const lowering = (INSTRUCTIONS as Readonly<Record<string, Lowering<never> | undefined>>)[op.kind]
  if (lowering === undefined)
    throw new CompileError('unknown-object', name, `no instruction for ${op.kind} ${op.object}`)
  return lowering(op as never, context)
}

const write = (writes: readonly Write[]): Instruction => ({ kind: 'write', writes })

const yesOrNo = (variable: number, symbols: Symbols) => readOf(variable, [0, 1], symbols)

function readOf(variable: number, results: readonly number[], symbols: Symbols): Instruction {
  const { size } = symbols.variables[variable]!
  return { kind: 'read', table: { variables: [variable], entries: results.slice(0, size) } }
}

function readOfCell({ cell }: GetOp<unknown>, { symbols }: LoweringContext): Instruction {
  if (Cell.is(cell)) {
    const variable = symbols.cell(cell)
    return readOf(variable, [...cell.values.keys()], symbols)
  }
  if (!DerivedCell.is(cell)) throw new TypeError(`${cell.name} is neither a cell nor derived`)
  const { cells, values } = derivedTable(cell)
  const results = [...new Set(values)]
  const variables = cells.map((source) => symbols.cell(source))
  return { kind: 'read', table: { variables, entries: values.map((value) => results.indexOf(value)) } }
}

function writeOfCell({ cell, value }: SetOp<unknown>, { symbols }: LoweringContext): Instruction | undefined {
  const index = cell.values.indexOf(value)
  if (index < 0) return undefined
  return { kind: 'write', writes: [{ variable: symbols.cell(cell), value: index, guard: undefined }] }
}

function resultText(result: unknown): string {
  if (result === undefined) return ''
  const { id } = Object(result) as { id?: unknown }
  return typeof id === 'string' ? id : String(result)
}
