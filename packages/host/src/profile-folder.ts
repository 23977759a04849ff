/**
 * A folder of device profiles: `vvvv-dddd.json` for the registers of a kind of device, and `masks.json` for the
 * configuration space of functions, by BDF.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { FunctionProfile } from '@vfiokit/hardware'
import { type Complain, ConfigError } from './config-error.ts'
import type { HostConfig } from './create-host.ts'
import { readText } from './input-file.ts'

const REGISTERS = /^([0-9a-f]{4}-[0-9a-f]{4})\.json$/
const MASKS = 'masks.json'

/** @throws ConfigError for a folder that is not there, and for a file that is no JSON object. */
export function readProfileFolder(
  folder: string,
  complain: Complain,
): Pick<HostConfig, 'functionProfiles' | 'registerProfiles'> {
  if (!existsSync(folder)) {
    const expected = 'a folder of device profiles'
    const complaint = {
      code: 'profiles-missing',
      message: 'there is no such folder',
      expected,
      found: folder,
    }
    throw new ConfigError([complain(['profiles'], complaint)])
  }
  const kinds = readdirSync(folder).flatMap((name) => REGISTERS.exec(name)?.[1] ?? [])
  const registerProfiles = Object.fromEntries(
    kinds.map((kind) => [kind, readObject(join(folder, `${kind}.json`))]),
  )
  const path = join(folder, MASKS)
  const masks = existsSync(path) ? (readObject(path) as Record<string, FunctionProfile>) : {}
  return { functionProfiles: ({ bdf }) => masks[bdf], registerProfiles }
}

function readObject(file: string): Readonly<Record<string, unknown>> {
  let found = 'something else'
  try {
    const value: unknown = JSON.parse(readText(file))
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
    found = cause.message
  }
  const message = 'a device profile cannot be read'
  const expected = 'a JSON object'
  throw new ConfigError([{ severity: 'error', code: 'profile-syntax', file, message, expected, found }])
}
