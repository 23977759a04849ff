/** The `host/1` file: which machine, which kernel, what is bound, what is loaded. */
import { KERNEL_VERSIONS, type KernelVersion } from '@vfiokit/vfio-core'
import type { ModuleOptions } from '@vfiokit/vfio-pci'
import { z } from 'zod'
import { FIRMWARE_SCHEMA, type FirmwareDocument } from './firmware-document.ts'

/** Not a union: then one misspelt key would be told as a key too many and another one missing. */
const topologySource = z
  .strictObject({
    snapshot: z.string().optional(),
    file: z.string().optional(),
    format: z.string().optional(),
    inline: z.record(z.string(), z.unknown()).optional(),
  })
  .refine(
    ({ snapshot, file, format, inline }) => {
      const given = [snapshot, file, inline].filter((source) => source !== undefined).length
      return given === 1 && (format === undefined || file !== undefined)
    },
    {
      error: 'one of {snapshot: FILE}, {file: FILE}, {file: FILE, format: NAME}, {inline: {...}}',
      when: ({ issues }) => issues.length === 0,
    },
  ) as unknown as z.ZodType<HostDocument['topology']>

/** Not an enum: 6.1 without quotes is a number, and 5.10 would be 5.1, so the message must speak of quotes. */
const kernel = z.custom<KernelVersion>(
  (value) => KERNEL_VERSIONS.some((version) => version === value),
  `one of ${KERNEL_VERSIONS.map((version) => `'${version}'`).join(', ')}, in quotes`,
)

const moduleOptions = z.strictObject({
  disable_idle_d3: z.boolean().optional(),
  enable_sriov: z.boolean().optional(),
  nointxmask: z.boolean().optional(),
} satisfies Record<keyof ModuleOptions, unknown>) as z.ZodType<ModuleOptions>

/** Shape of a host file. */
export const HOST_SCHEMA: z.ZodType<HostDocument> = z.strictObject({
  vfiokit: z.literal('host/1'),
  kernel: kernel.optional(),
  topology: topologySource,
  profiles: z.string().optional(),
  firmware: FIRMWARE_SCHEMA.optional(),
  bind: z.array(z.string()).optional(),
  moduleOptions: moduleOptions.optional(),
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
  /** A folder of device profiles, relative to the host file. Absent: tables decide. */
  readonly profiles?: string | undefined
  /** Absent: no memory by physical address, no numbers. */
  readonly firmware?: FirmwareDocument | undefined
  /** Functions that vfio-pci gets. */
  readonly bind?: readonly string[] | undefined
  /** Of vfio-pci, by the names that the kernel gives them. Absent: all are off. */
  readonly moduleOptions?: ModuleOptions | undefined
  /** Packages or files. */
  readonly plugins?: readonly string[] | undefined
  /** Absent: the kernel's own. */
  readonly strategy?: string | undefined
}
