/**
 * Operations in which the model is known to differ from a kernel, one by one, each with why.
 * At most 0.5 % of all records; every difference is printed whether or not it stands here.
 */
import type { KernelVersion } from '@vfiokit/vfio-core'

/** One operation of one trace. */
export interface KnownDifference {
  readonly kernel: KernelVersion
  readonly host: string
  readonly trace: string
  readonly i: number
  readonly why: string
}

/** Every known difference. */
export const KNOWN_DIFFERENCES: readonly KnownDifference[] = []

/** Why an operation may differ; undefined: it may not. */
export function reasonOf(
  { kernel, host, trace, i }: Omit<KnownDifference, 'why'>,
  known: readonly KnownDifference[] = KNOWN_DIFFERENCES,
): string | undefined {
  return known.find(
    (each) => each.kernel === kernel && each.host === host && each.trace === trace && each.i === i,
  )?.why
}
