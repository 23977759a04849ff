/** Reads a `scenario/1` file and checks that every name in it means something. */
import { dirname, resolve } from 'node:path'
import type { Diagnostic } from '@vfiokit/topology'
import { ConfigError } from '../config-error.ts'
import type { HostConfig } from '../create-host.ts'
import { readHostFile } from '../host-file.ts'
import { type InputFile, readInputFile } from '../input-file.ts'
import { SCENARIO_SCHEMA, type ScenarioDocument, type StepDocument } from './scenario-schema.ts'

/** A scenario with the host it runs on. */
export interface Scenario {
  readonly path: string
  readonly document: ScenarioDocument
  readonly host: HostConfig
}

/** @throws ConfigError with every defect of the scenario file, or else of the host file. */
export function readScenarioFile(path: string): Scenario {
  const file = readInputFile(path, SCENARIO_SCHEMA)
  const defects = [...unknownNames(file), ...unboundDevices(file)]
  if (defects.length > 0) throw new ConfigError(defects)
  const host = readHostFile(resolve(dirname(path), file.value.host))
  const missing = notInHost(file, host)
  if (missing.length > 0) throw new ConfigError(missing)
  return { path, document: file.value, host }
}

/** References: which key of a step names what. */
const REFERENCES = { device: 'devices', mapping: 'mappings' } as const

function unknownNames({ value, complain }: InputFile<ScenarioDocument>): Diagnostic[] {
  const processes = new Set(value.processes)
  const known = {
    devices: new Set(Object.keys(value.devices)),
    mappings: new Set(Object.keys(value.mappings ?? {})),
  }
  const found: Diagnostic[] = []
  const need = (set: ReadonlySet<string>, what: string, at: (string | number)[], name: string) => {
    if (set.has(name)) return
    const message = `there is no ${what} of this name`
    const expected = [...set].join(', ') || `a ${what}`
    found.push(complain(at, { code: `unknown-${what}`, message, expected, found: name }))
  }
  for (const [name, mapping] of Object.entries(value.mappings ?? {})) {
    need(processes, 'process', ['mappings', name, 'process'], mapping.process)
    need(known.devices, 'device', ['mappings', name, 'device'], mapping.device)
  }
  for (const [at, task] of value.tasks.entries()) {
    need(processes, 'process', ['tasks', at, 'process'], task.process)
    for (const [stepAt, step] of task.do.entries()) {
      const [kind, args] = stepOf(step)
      const place = ['tasks', at, 'do', stepAt, kind]
      for (const [key, kindOf] of Object.entries(REFERENCES)) {
        const name = args[key]
        if (typeof name === 'string') need(known[kindOf], kindOf.slice(0, -1), [...place, key], name)
      }
      for (const [groupAt, name] of ((args.groups as string[] | undefined) ?? []).entries())
        need(known.devices, 'device', [...place, 'groups', groupAt], name)
    }
  }
  return found
}

/** A device of the scenario must be an address at all. */
function unboundDevices({ value, complain }: InputFile<ScenarioDocument>): Diagnostic[] {
  return Object.entries(value.devices).flatMap(([name, bdf]) =>
    /^([0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/i.test(bdf)
      ? []
      : [
          complain(['devices', name], {
            code: 'bdf-syntax',
            message: 'not a PCI address',
            expected: 'dddd:bb:dd.f',
            found: bdf,
          }),
        ],
  )
}

/** And the host must give it to vfio-pci. */
function notInHost({ value, complain }: InputFile<ScenarioDocument>, host: HostConfig): Diagnostic[] {
  const bound = new Set(host.bind ?? [])
  return Object.entries(value.devices).flatMap(([name, bdf]) =>
    bound.has(bdf)
      ? []
      : [
          complain(['devices', name], {
            code: 'not-bound',
            message: 'the host does not bind this function to vfio-pci',
            expected: [...bound].join(', ') || 'a function that the host binds',
            found: bdf,
          }),
        ],
  )
}

/** Kind and arguments of a step. */
export function stepOf(step: StepDocument): readonly [string, Readonly<Record<string, unknown>>] {
  const [kind, args] = Object.entries(step).find(([key]) => key !== 'repeat')!
  return [kind, args as Readonly<Record<string, unknown>>]
}
