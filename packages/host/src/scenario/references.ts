/** Whether what a scenario names is there, is of the right process, and is named once. */
import { Bdf, type Diagnostic, type YamlPath } from '@vfiokit/topology'
import { type Complain, type Complaint, notAnAddress } from '../config-error.ts'
import { defectsOfData } from './data-references.ts'
import type { MappingDocument, ScenarioDocument, TaskDocument } from './scenario-schema.ts'
import { stepOf } from './steps.ts'

/** Every defect of the names in a scenario. */
export function referenceDefects(document: ScenarioDocument, complain: Complain): Diagnostic[] {
  return [...defects(document)].map(([at, complaint]) => complain(at, complaint))
}

type Defect = readonly [YamlPath, Complaint]

function* defects(document: ScenarioDocument): Generator<Defect> {
  const { processes, devices, mappings = {}, tasks } = document
  yield* repeated('process', processes, (at) => ['processes', at])
  for (const [name, bdf] of Object.entries(devices))
    if (Bdf.tryParse(bdf) === undefined) yield [['devices', name], notAnAddress(bdf)]
  for (const [name, { process, device }] of Object.entries(mappings)) {
    yield* unknown('process', processes, process, ['mappings', name, 'process'])
    yield* unknown('device', Object.keys(devices), device, ['mappings', name, 'device'])
    yield* defectsOfCopy(mappings, name)
  }
  const names = tasks.map(({ name }) => name)
  yield* repeated('task', names, (at) => ['tasks', at, 'name'])
  for (const [at, task] of tasks.entries()) {
    yield* unknown('process', processes, task.process, ['tasks', at, 'process'])
    yield* defectsOfSteps(document, task, ['tasks', at, 'do'])
  }
  yield* defectsOfData(document)
}

function* defectsOfSteps(document: ScenarioDocument, task: TaskDocument, at: YamlPath): Generator<Defect> {
  const devices = Object.keys(document.devices)
  for (const [index, step] of task.do.entries()) {
    const [kind, args] = stepOf(step)
    const path = [...at, index, kind]
    const groups = 'groups' in args ? (args.groups ?? []) : []
    if ('device' in args) yield* unknown('device', devices, args.device, [...path, 'device'])
    for (const [group, name] of groups.entries())
      yield* unknown('device', devices, name, [...path, 'groups', group])
    if ('mapping' in args) yield* defectsOfMapping(document, task.process, args, path)
    const child = step.fork?.into
    if (child !== undefined) yield* defectsOfFork(document, task.process, child, path)
  }
}

/** A copy has what its original has, but for the process. */
function* defectsOfCopy(
  mappings: Readonly<Record<string, MappingDocument>>,
  name: string,
): Generator<Defect> {
  const { copyOf, ...copy } = mappings[name]!
  if (copyOf === undefined) return
  const at = ['mappings', name, 'copyOf']
  const original = Object.hasOwn(mappings, copyOf) ? mappings[copyOf] : undefined
  if (original === undefined) return yield* unknown('mapping', Object.keys(mappings), copyOf, at)
  const differs = (['device', 'region', 'offset', 'length'] as const).find(
    (key) => copy[key] !== original[key],
  )
  const message =
    original.process === copy.process
      ? `${copyOf} is of the same process`
      : differs === undefined
        ? undefined
        : `${differs} is not that of ${copyOf}`
  if (message !== undefined)
    yield [at, { code: 'no-copy', message, expected: 'another process, and the same place', found: copyOf }]
}

/** What is forked into has nothing yet, so each of its mappings has to come from there. */
function* defectsOfFork(
  { processes, mappings = {} }: ScenarioDocument,
  parent: string,
  into: string,
  at: YamlPath,
): Generator<Defect> {
  yield* unknown('process', processes, into, [...at, 'into'])
  if (into === parent)
    yield [
      [...at, 'into'],
      { code: 'fork-into-itself', message: 'a process forks into another one', found: into },
    ]
  const own = Object.entries(mappings).find(
    ([, { process, copyOf }]) =>
      process === into && (copyOf === undefined || mappings[copyOf]?.process !== parent),
  )
  if (own === undefined) return
  const message = `${own[0]} is a mapping of ${into} that ${parent} does not have`
  yield [
    [...at, 'into'],
    { code: 'fork-into-used', message, expected: 'a process with copies only', found: into },
  ]
}

/** Addresses mean something in one process only, and behind the end of a mapping lies another. */
function* defectsOfMapping(
  { mappings = {}, processes }: ScenarioDocument,
  process: string,
  args: { readonly mapping: string; readonly offset?: number; readonly width?: number },
  at: YamlPath,
): Generator<Defect> {
  const mapping = Object.hasOwn(mappings, args.mapping) ? mappings[args.mapping] : undefined
  if (mapping === undefined)
    return yield* unknown('mapping', Object.keys(mappings), args.mapping, [...at, 'mapping'])
  // One defect a mistake: a process that there is not was told already.
  if (mapping.process !== process && [mapping.process, process].every((each) => processes.includes(each))) {
    const message = `${args.mapping} is a mapping of another process`
    const complaint = { code: 'foreign-mapping', message, expected: `a mapping of ${process}` }
    yield [[...at, 'mapping'], { ...complaint, found: `one of ${mapping.process}` }]
  }
  const { offset = 0, width = 0 } = args
  if (offset + width <= mapping.length) return
  const expected = `at most ${mapping.length - width}: ${args.mapping} has ${mapping.length} bytes`
  const complaint = { code: 'outside-mapping', message: 'the access is outside of its mapping', expected }
  yield [[...at, 'offset'], { ...complaint, found: String(offset) }]
}

function* unknown(what: string, known: readonly string[], found: string, at: YamlPath): Generator<Defect> {
  if (known.includes(found)) return
  const message = `there is no ${what} of this name`
  yield [at, { code: `unknown-${what}`, message, expected: known.join(', ') || `a ${what}`, found }]
}

function* repeated(
  what: string,
  names: readonly string[],
  at: (index: number) => YamlPath,
): Generator<Defect> {
  const seen = new Set<string>()
  for (const [index, found] of names.entries()) {
    const expected = 'a name of its own'
    if (seen.has(found))
      yield [
        at(index),
        { code: `repeated-${what}`, message: `a second ${what} of this name`, expected, found },
      ]
    seen.add(found)
  }
}
