/** Runs a script on a host and makes a record of every operation. */
import type { ConformanceHost, MachineDescription } from './conformance-host.ts'
import { HANDLERS } from './operations/index.ts'
import type { RecordDraft, RunRecord } from './script/handler.ts'
import { type ScriptOperation, splitWords } from './script/operation.ts'
import { shapeOf } from './script/operation-table.ts'
import { type Answer, type Outcome, outcomeOf, outcomeOfError } from './script/outcome.ts'
import { ScriptSession } from './script/session.ts'

/**
 * Runs every operation in turn. What fails is a record like any other; nothing is thrown.
 *
 * @param host - A fresh one: what is left in it stays.
 */
export async function runScript(
  operations: readonly ScriptOperation[],
  host: ConformanceHost,
  machine: Pick<MachineDescription, 'facts'>,
): Promise<readonly RunRecord[]> {
  const session = new ScriptSession(host, machine)
  const records: RunRecord[] = []
  for (const [i, operation] of operations.entries()) records.push(await runOperation(i, operation, session))
  return records
}

async function runOperation(
  i: number,
  operation: ScriptOperation,
  session: ScriptSession,
): Promise<RunRecord> {
  const { line, op, args } = operation
  const draft: RecordDraft = {}
  const outcome = await outcomeOfOperation(operation, session, draft)
  const { origin, ...places } = draft
  const record = { i, line, op, args, ...places, ...outcome }
  return origin === undefined ? { record } : { record, origin }
}

async function outcomeOfOperation(
  { op, args }: ScriptOperation,
  session: ScriptSession,
  draft: RecordDraft,
): Promise<Outcome> {
  const handler = HANDLERS[op]
  if (handler === undefined) return { ok: false, notCarried: `no operation ${op}` }
  const words = splitWords(args, shapeOf(op)?.options ?? [])
  try {
    return outcomeOf(await ended(handler({ session, draft, ...words }), session))
  } catch (error) {
    return outcomeOfError(error)
  }
}

/** @throws Error for an operation that waits for ever. */
async function ended(answer: Promise<Answer>, { host }: ScriptSession): Promise<Answer> {
  if (host.idle === undefined) return await answer
  const first = await Promise.race([answer, host.idle()])
  if (first === undefined) throw new Error('the operation waits for ever')
  return first
}
