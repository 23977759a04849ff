/** Runs a script on a simulated host and writes a trace. */
import { readFileSync, writeFileSync } from 'node:fs'
import { InputError, MachineFacts, parseScript, runScript, traceText } from '@vfiokit/conformance'
import { createHost, type Host, readHostFile } from '@vfiokit/host'
import type { Terminal } from '../terminal.ts'
import { portsOf } from './conformance-host.ts'
import type { RecordFlags } from './record.ts'

/** @returns the exit code: a script runs to its end whatever its operations answer */
export async function recordAction(path: string, flags: RecordFlags, terminal: Terminal): Promise<number> {
  const operations = parseScript(textOf(path), path)
  const host = await createHost(readHostFile(flags.host))
  for (const line of host.warningLines) terminal.err.write(`${line}\n`)
  const facts = factsOf(host)
  const run = await runScript(operations, portsOf(host), { facts })
  const text = traceText(run.map(({ record }) => record))
  if (flags.out === undefined) terminal.out.write(text)
  else writeFileSync(flags.out, text)
  return 0
}

function factsOf({ topology }: Host): MachineFacts {
  const functions = topology.functions.map((fn) => {
    const kind = [fn.vendorId, fn.deviceId].map((id) => id.toString(16).padStart(4, '0')).join('-')
    const group = fn.iommuGroup === undefined ? {} : { iommuGroup: fn.iommuGroup }
    return [fn.bdf, { kind, ...group, config: new Uint8Array() }] as const
  })
  return new MachineFacts(new Map<string, (typeof functions)[number][1]>(functions))
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new InputError([{ file: path, expected: 'a script', found: (error as Error).message }])
  }
}
