/**
 * A device-specific region: a plugin's members behind checks, so that what it does wrong stays inside.
 *
 * Every throw becomes the errno that the kernel's caller would see, and one line in the log.
 */

import type { PciHardware } from '@vfiokit/hardware'
import {
  type InfoCapability,
  PAGE_SIZE_BYTES,
  REGION_FLAGS,
  REGION_TYPE,
  REGION_TYPE_PCI_VENDOR,
  VfioError,
} from '@vfiokit/vfio-core'
import type { PluginFailureLog } from '../plugin-failure.ts'
import type { BarPage, MemoryPage, Region } from './region-provider.ts'

/** TYPE capability of region info. */
const CAP_TYPE = 2

/** One region of an open device, from a provider. */
export class DeviceRegion {
  #closed = false

  constructor(
    readonly index: number,
    readonly provider: string,
    readonly region: Region,
    readonly hardware: PciHardware,
    readonly log: PluginFailureLog,
  ) {}

  get sizeBytes(): number {
    return this.region.sizeBytes
  }

  /** READ, WRITE and MMAP, from the members that are there. */
  get flags(): number {
    const { read, write, fault } = this.region
    return (
      (read === undefined ? 0 : REGION_FLAGS.READ) |
      (write === undefined ? 0 : REGION_FLAGS.WRITE) |
      (fault === undefined ? 0 : REGION_FLAGS.MMAP)
    )
  }

  /** TYPE first, then the plugin's own. */
  capabilities(): InfoCapability[] {
    const own = this.#contained('capabilities', () => this.region.capabilities?.() ?? [])
    const { kind } = this.region
    const type = 'vendor' in kind ? (REGION_TYPE_PCI_VENDOR | kind.vendor) >>> 0 : kind.global
    const body = REGION_TYPE.encode({ type, subtype: kind.subtype })
    return [{ id: CAP_TYPE, version: 1, body }, ...own]
  }

  read(offset: number, out: Uint8Array): void {
    if (this.region.read === undefined) throw this.#refused('write-only', 'cannot be read')
    this.#contained('read', () => this.region.read!(offset, out))
  }

  write(offset: number, data: Uint8Array): void {
    if (this.region.write === undefined) throw this.#refused('read-only', 'cannot be written')
    this.#contained('write', () => this.region.write!(offset, data))
  }

  /** The page at an offset, or undefined: no such page, the plugin threw, or it answered nonsense. */
  fault(offset: number): BarPage | MemoryPage | undefined {
    try {
      const page = this.region.fault!(offset)
      this.#checkPage(page)
      return page
    } catch (cause) {
      this.#tell('fault', cause)
      return undefined
    }
  }

  resetPrepare(): void {
    this.#tolerated('resetPrepare')
  }

  resetDone(): void {
    this.#tolerated('resetDone')
  }

  /** Once, whatever happens. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#tolerated('close')
  }

  #checkPage(page: BarPage | MemoryPage): void {
    const found = 'memory' in page ? 'memory' : 'bar'
    if (found !== this.region.backing)
      throw new TypeError(`a page of ${found} in a region that says it is backed by ${this.region.backing}`)
    if (page.offset % PAGE_SIZE_BYTES !== 0 || page.offset < 0)
      throw new RangeError(
        `page offset 0x${page.offset.toString(16)} is not a multiple of ${PAGE_SIZE_BYTES}`,
      )
    if (page.offset + PAGE_SIZE_BYTES > this.#bytesBehind(page))
      throw new RangeError(`what backs it ends inside the page at 0x${page.offset.toString(16)}`)
  }

  #bytesBehind(page: BarPage | MemoryPage): number {
    if ('memory' in page) return page.memory.length
    const resource = this.hardware.resources.find(({ bar, kind }) => bar === page.bar && kind === 'memory')
    if (resource === undefined) throw new RangeError(`there is no memory BAR ${page.bar}`)
    return resource.sizeBytes
  }

  #contained<T>(member: string, fn: () => T): T {
    try {
      return fn()
    } catch (cause) {
      this.#tell(member, cause)
      if (VfioError.is(cause)) throw cause
      throw new VfioError('EIO', 'plugin-failed', `${this.provider} ${member} of region ${this.index}`)
    }
  }

  #tolerated(member: 'resetPrepare' | 'resetDone' | 'close'): void {
    try {
      this.region[member]?.()
    } catch (cause) {
      this.#tell(member, cause)
    }
  }

  #tell(member: string, cause: unknown): void {
    this.log({ plugin: this.provider, device: this.hardware.bdf, member, cause })
  }

  #refused(reason: 'read-only' | 'write-only', what: string): VfioError {
    return new VfioError('EINVAL', reason, `region ${this.index} of ${this.hardware.bdf} ${what}`)
  }
}
