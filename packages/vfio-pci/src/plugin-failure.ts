/** A plugin that misbehaved: which one, in which member, and how. The device goes on without it. */

/** One failure, contained. */
export interface PluginFailure {
  readonly plugin: string
  readonly device: string
  /** `open`, `read`, `fault`, ... */
  readonly member: string
  readonly cause: unknown
}

/** Where failures are told. */
export type PluginFailureLog = (failure: PluginFailure) => void

/** One line for people: `acme-sample on 0000:01:00.1: open failed: no firmware`. */
export function describeFailure({ plugin, device, member, cause }: PluginFailure): string {
  const why = cause instanceof Error ? cause.message : String(cause)
  return `${plugin} on ${device}: ${member} failed: ${why}`
}
