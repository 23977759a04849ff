/** The `host/1` file: which machine, which kernel, what is bound, what is loaded. */
import { KERNEL_VERSIONS } from '@vfiokit/vfio-core'
import { z } from 'zod'

const topologySource = z.union(
  [
    z.strictObject({ snapshot: z.string() }),
    z.strictObject({ file: z.string(), format: z.string().optional() }),
    z.strictObject({ inline: z.record(z.string(), z.unknown()) }),
  ],
  { error: 'one of {snapshot: FILE}, {file: FILE}, {inline: {...}}' },
)

/** Shape of a host file. */
export const HOST_SCHEMA: z.ZodType<HostDocument> = z.strictObject({
  vfiokit: z.literal('host/1'),
  kernel: z.enum(KERNEL_VERSIONS as [string, ...string[]]).optional(),
  topology: topologySource,
  bind: z.array(z.string()).optional(),
  plugins: z.array(z.string()).optional(),
  strategy: z.string().optional(),
}) as z.ZodType<HostDocument>

/** What a host file says. */
export interface HostDocument {
  readonly vfiokit: 'host/1'
  readonly kernel?: (typeof KERNEL_VERSIONS)[number] | undefined
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
