/**
 * stdin, stdout and stderr: open files that are nothing of vfio's.
 *
 * They are why the first file that a process opens is 3, and what a call answers that is given 0.
 */
import type { Operation } from '@vfiokit/locking'
import { OpenFile, unknownIoctl } from './open-file.ts'

/** The streams that a process is born with, by descriptor. */
export const STANDARD_STREAMS = ['stdin', 'stdout', 'stderr'] as const

/** One of the three. */
export class StandardStream extends OpenFile {
  constructor(readonly title: (typeof STANDARD_STREAMS)[number]) {
    super()
  }

  override ioctl({ request }: { readonly request: number }): Operation<number> {
    throw unknownIoctl(this.title, request)
  }

  protected override *release(): Operation<void> {}
}
