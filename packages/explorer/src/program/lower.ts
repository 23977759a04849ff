/** Turns the ops of a compiled operation into instructions over numbered locks and variables. */
import {
  AccessOp,
  AssertOp,
  Cell,
  DerivedCell,
  type GetOp,
  InsertOp,
  IsLinkedOp,
  type Listed,
  type ListFirstOp,
  type ListOp,
  LockOp,
  type Op,
  SetOp,
  ZapMappingOp,
  ZapOp,
} from '@vfiokit/locking'
import type { RawAutomaton, RawNode } from '../compile/compile.ts'
import { CompileError } from '../compile/compile-error.ts'
import { candidatesOf, derivedTable } from '../compile/results.ts'
import { type Automaton, type AutomatonNode, always, type Check, END, type Instruction } from './automaton.ts'
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
  if (!(op instanceof AssertOp)) return []
  const alsoAsk = () => !op.holds()
  return [{ property: 'assertion', message: op.object, table: always(1), anyOf: [], alsoAsk }]
}

/** @returns undefined for a write of a value that the cell does not have. */
function instructionOf(op: Op<unknown>, name: string, context: LoweringContext): Instruction | undefined {
  const { symbols, pages } = context
  if (op instanceof LockOp) return { kind: op.kind, lock: symbols.lock(op.lock), mode: op.mode }
  if (op instanceof AccessOp) return readOf(pages.page(op.mapping, op.page), [0, 1], symbols)
  if (op.kind === 'set' && !(op instanceof SetOp)) return { kind: 'write', writes: pages.changed(op) }
  if (op instanceof IsLinkedOp) return readOf(pages.linked(op.mapping), [0, 1], symbols)
  if (op instanceof InsertOp) return { kind: 'write', writes: pages.inserted(op) }
  if (op instanceof ZapOp) return { kind: 'write', writes: pages.zapped(op) }
  if (op instanceof ZapMappingOp) return { kind: 'write', writes: pages.emptied(op.mapping) }
  switch (op.kind) {
    case 'get':
      return readOfCell(op as GetOp<unknown>, symbols)
    case 'set':
      return writeOfCell(op as SetOp<unknown>, symbols)
    case 'list-first': {
      const first = op as ListFirstOp<Listed>
      const variables = candidatesOf(first).map((member) => symbols.listed(first.list, member))
      return { kind: 'first', variables }
    }
    case 'list-has': {
      const { list, member } = op as ListOp<Listed, boolean>
      return readOf(symbols.listed(list, member), [0, 1], symbols)
    }
    case 'list-add':
    case 'list-remove': {
      const { list, member, kind } = op as ListOp<Listed, void>
      const value = Number(kind === 'list-add')
      return { kind: 'write', writes: [{ variable: symbols.listed(list, member), value, guard: undefined }] }
    }
    case 'effect':
      return { kind: 'choice', outcomes: (op as unknown as { outcomes: unknown[] }).outcomes.length }
    case 'assert':
      return { kind: 'choice', outcomes: 1 }
    default:
      throw new CompileError('unknown-object', name, `no instruction for ${op.kind} ${op.object}`)
  }
}

function readOf(variable: number, results: readonly number[], symbols: Symbols): Instruction {
  const { size } = symbols.variables[variable]!
  return { kind: 'read', table: { variables: [variable], entries: results.slice(0, size) } }
}

function readOfCell({ cell }: GetOp<unknown>, symbols: Symbols): Instruction {
  if (cell instanceof Cell) {
    const variable = symbols.cell(cell)
    return readOf(variable, [...cell.values.keys()], symbols)
  }
  if (!(cell instanceof DerivedCell)) throw new TypeError(`${cell.name} is neither a cell nor derived`)
  const { cells, values } = derivedTable(cell)
  const results = [...new Set(values)]
  const variables = cells.map((source) => symbols.cell(source))
  return { kind: 'read', table: { variables, entries: values.map((value) => results.indexOf(value)) } }
}

function writeOfCell({ cell, value }: SetOp<unknown>, symbols: Symbols): Instruction | undefined {
  const index = cell.values.indexOf(value)
  if (index < 0) return undefined
  return { kind: 'write', writes: [{ variable: symbols.cell(cell), value: index, guard: undefined }] }
}

function resultText(result: unknown): string {
  if (result === undefined) return ''
  const { id } = Object(result) as { id?: unknown }
  return typeof id === 'string' ? id : String(result)
}
