/** Loads the names that the package carries. */
import { PciNames } from './pci-names.ts'

let loading: Promise<PciNames> | undefined

/**
 * The names of the PCI ID list that comes with this package. Read and unpacked at the first call, then kept: a
 * program that never asks pays nothing. For a newer list, `new PciNames(text of a pci.ids)`.
 *
 * @example
 * import { loadPciNames } from '@vfiokit/topology/names'
 * const names = await loadPciNames()
 * console.log(names.vendorName(0x8086), '/', names.className(0x010802)) // => Intel Corporation / Non-Volatile memory controller
 */
export function loadPciNames(): Promise<PciNames> {
  loading ??= import('./pci-ids-data.ts').then(
    async (data) => new PciNames(await unpack(data.PCI_IDS_PACKED)),
  )
  return loading
}

/** Base64 of a gzip stream; with what browsers and Node.js both have. */
async function unpack(packed: string): Promise<string> {
  const binary = atob(packed)
  const bytes = new Uint8Array(binary.length)
  // A loop: Uint8Array.from with a callback takes ten times as long.
  for (let index = 0; index < binary.length; index += 1) bytes[index] = binary.charCodeAt(index)
  const gunzip = new DecompressionStream('gzip')
  const writer = gunzip.writable.getWriter()
  const written = writer.write(bytes).then(() => writer.close())
  const decoder = new TextDecoder()
  let text = ''
  for await (const part of gunzip.readable) text += decoder.decode(part as Uint8Array, { stream: true })
  await written
  return text + decoder.decode()
}
