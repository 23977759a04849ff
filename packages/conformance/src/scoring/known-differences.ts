/**
 * Operations in which the model is known to differ from kernels, one by one, each with why.
 * At most 0.5 % of all records; every difference is printed whether or not it stands here.
 */
import type { KernelVersion } from '@vfiokit/vfio-core'

/** One operation of one trace. */
export interface KnownDifference {
  readonly kernels: readonly KernelVersion[]
  readonly host: string
  readonly trace: string
  readonly i: number
  readonly why: string
}

const EVERY: readonly KernelVersion[] = ['5.10', '6.1', '6.12', '7.2']

/** Scripts of a recording ran in one boot; replayed, each has a machine of its own. */
const EARLIER_WRITE = 'an earlier script of that boot wrote a register of config space that no reset clears'
const CLOSED_ASLEEP =
  'an earlier script of that boot closed the device in D3hot, and 5.10 has not enabled memory since'

/** Every known difference. */
export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  known(EVERY, 'endpoints', '17-reopen.02-00.0.e1000e', 12, EARLIER_WRITE),
  known(EVERY, 'endpoints', '17-reopen.02-00.0.e1000e', 22, EARLIER_WRITE),
  known(EVERY, 'endpoints', '17-reopen.08-00.0.xhci', 12, EARLIER_WRITE),
  known(EVERY, 'endpoints', '17-reopen.08-00.0.xhci', 22, EARLIER_WRITE),
  known(EVERY, 'multifn', '17-reopen.02-00.1.hda', 12, EARLIER_WRITE),
  known(EVERY, 'multifn', '17-reopen.02-00.1.hda', 22, EARLIER_WRITE),
  known(['5.10'], 'endpoints', '05-cfg-msi.07-00.0.virtio', 69, CLOSED_ASLEEP),
  known(['5.10'], 'endpoints', '05-cfg-msi.07-00.0.virtio', 70, CLOSED_ASLEEP),
  known(['5.10'], 'endpoints', '06-cfg-exp.07-00.0.virtio', 102, CLOSED_ASLEEP),
  known(['5.10'], 'endpoints', '14-memen.07-00.0.virtio', 1, CLOSED_ASLEEP),
  known(['5.10'], 'endpoints', '14-memen.07-00.0.virtio', 2, CLOSED_ASLEEP),
  known(['5.10'], 'endpoints', '14-memen.07-00.0.virtio', 5, CLOSED_ASLEEP),
  known(['5.10'], 'endpoints', '20-irq-msix.07-00.0.virtio', 7, CLOSED_ASLEEP),
  known(['5.10'], 'endpoints', '20-irq-msix.07-00.0.virtio', 8, CLOSED_ASLEEP),
  known(['5.10'], 'endpoints', '20-irq-msix.07-00.0.virtio', 56, CLOSED_ASLEEP),
]

/** Where an operation stands. */
export interface OperationPlace extends Omit<KnownDifference, 'kernels' | 'why'> {
  readonly kernel: KernelVersion
}

/** Why an operation may differ; undefined: it may not. */
export function reasonOf(
  { kernel, host, trace, i }: OperationPlace,
  table: readonly KnownDifference[] = KNOWN_DIFFERENCES,
): string | undefined {
  return table.find(
    (each) => each.kernels.includes(kernel) && each.host === host && each.trace === trace && each.i === i,
  )?.why
}

function known(
  kernels: readonly KernelVersion[],
  host: string,
  trace: string,
  i: number,
  why: string,
): KnownDifference {
  return { kernels, host, trace, i, why }
}
