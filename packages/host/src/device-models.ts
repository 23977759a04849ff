/** The device models of a host whose devices were measured: two written as code, and one for each register profile. */
import {
  type DeviceModelFactory,
  edu,
  pciTestdev,
  registerModels,
  registerProfileOf,
} from '@vfiokit/hardware'
import { ConfigError } from './config-error.ts'

/**
 * @param profiles JSON of register profiles, by name (`vvvv-dddd`)
 * @throws ConfigError with a diagnostic for each defect of each of them
 */
export function deviceModels(profiles: Readonly<Record<string, unknown>>): readonly DeviceModelFactory[] {
  const results = Object.entries(profiles).map(([name, json]) => registerProfileOf(json, name))
  const diagnostics = results.flatMap((result) => result.diagnostics)
  if (diagnostics.length > 0) throw new ConfigError(diagnostics)
  return [edu, pciTestdev, registerModels(results.flatMap(({ profile }) => profile ?? []))]
}
