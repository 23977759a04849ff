/** The `host/1` file: which machine, which kernel, what is bound, what is loaded. */
import { KERNEL_VERSIONS, type KernelVersion } from '@vfiokit/vfio-core'
import { z } from 'zod'

const topologySource = z.union(
  [
    z.strictObject({ snapshot: z.string() }),
    z.strictObject({ file: z.string(), format: z.string().optional() }),
    z.strictObject({ inline: z.record(z.string(), z.unknown()) }),
  ],
  { error: 'one of {snapshot: FILE}, {file: FILE}, {inline: {...}}' },
)

/** Not an enum: 6.1 without quotes is a number, and 5.10 would be 5.1, so the message must speak of quotes. */
const kernel = z.custom<KernelVersion>(
  (value) => KERNEL_VERSIONS.some((version) => version === value),
  `one of ${KERNEL_VERSIONS.map((version) => `'${version}'`).join(', ')}, in quotes`,
)

/** Shape of a host file. */
export const HOST_SCHEMA: z.ZodType<HostDocument> = z.strictObject({
  vfiokit: z.literal('host/1'),
  kernel: kernel.optional(),
  topology: topologySource,
  bind: z.array(z.string()).optional(),
  plugins: z.array(z.string()).optional(),
  strategy: z.string().optional(),
})

/** What a host file says. */
export interface HostDocument {
  readonly vfiokit: 'host/1'
  /** Absent: the newest that is known. */
  readonly kernel?: KernelVersion | undefined
  /** Files are relative to the host file. */
  readonly topology:
    | { readonly snapshot: string }
    | { readonly file: string; readonly format?: string | undefined }
    | { readonly inline: Readonly<Record<string, unknown>> }
  /** Functions that vfio-pci gets. */
  readonly bind?: readonly string[] | undefined
  /** Packages or files. */
  readonly plugins?: readonly string[] | undefined
  /** Absent: the kernel's own. */
  readonly strategy?: string | undefined
}
