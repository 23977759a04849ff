/**
 * Who owns each byte of configuration space: the header, a capability by its id, or nobody.
 *
 * Only the id is kept, as in the kernel, so neighbours of one id are one capability, and what is left
 * of one that another overlaps begins where it can be seen. Kernel: `pci_config_map`,
 * `vfio_find_cap_start`, `vfio_pci_cap_remaining_dword`.
 */
import type { ConfigWidth } from '@vfiokit/hardware'

/** Owners that are no capability. An id of 0 means the header, which the list cannot have. */
export const OWNER = { HEADER: 0, VIRTUAL: 0xfe, NOBODY: 0xff } as const
/** Where the header ends and the standard capabilities may begin. */
export const HEADER_BYTES = 0x40
/** Where the extended capabilities begin. */
export const STANDARD_BYTES = 0x100

/** The owners of one device's configuration space. */
export class ConfigMap {
  readonly #owners: Uint8Array

  constructor(sizeBytes: number) {
    this.#owners = new Uint8Array(sizeBytes).fill(OWNER.NOBODY).fill(OWNER.HEADER, 0, HEADER_BYTES)
  }

  ownerAt(offset: number): number {
    return this.#owners[offset]!
  }

  /**
   * Gives bytes to an owner, whoever had them. Ids of extended capabilities have 16 bits and are kept in
   * 8. What lies behind the end of the space is lost; the kernel would write there.
   */
  claim(start: number, lengthBytes: number, owner: number): void {
    this.#owners.fill(owner & 0xff, start, start + lengthBytes)
  }

  /** Where what owns a byte begins; a byte that nobody owns begins at itself. */
  startOf(offset: number): number {
    const owner = this.#owners[offset]!
    if (owner === OWNER.HEADER) return 0
    if (owner === OWNER.NOBODY || owner === OWNER.VIRTUAL) return offset
    const first = offset >= STANDARD_BYTES ? STANDARD_BYTES : HEADER_BYTES
    let start = offset
    while (start > first && this.#owners[start - 1] === owner) start--
    return start
  }

  /** How many bytes from `offset` one access can take: up to the dword's end, one owner, aligned. */
  accessBytes(offset: number, wanted: number): ConfigWidth {
    const owner = this.#owners[offset]
    let run = 1
    while (run < wanted && (offset + run) % 4 !== 0 && this.#owners[offset + run] === owner) run++
    if (run >= 4 && offset % 4 === 0) return 4
    return run >= 2 && offset % 2 === 0 ? 2 : 1
  }
}
