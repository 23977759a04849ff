/**
 * A device-specific region: a plugin's members behind checks, so that what it does wrong stays inside.
 *
 * A VfioError that it throws is an answer to the caller. Anything else is a failure: one entry in the
 * log, and EIO or SIGBUS for the caller.
 */
import type { PciHardware } from '@vfiokit/hardware'
import {
  type InfoCapability,
  PAGE_SIZE_BYTES,
  REGION_CAPS,
  REGION_FLAGS,
  REGION_TYPE,
  REGION_TYPE_PCI_VENDOR,
  VfioError,
} from '@vfiokit/vfio-core'
import type { PluginFailureLog } from '../plugin-failure.ts'
import type { BarPage, MemoryPage, Region } from './region-provider.ts'

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
    const own = this.#contained('capabilities', () => {
      const given = this.region.capabilities?.() ?? []
      for (const capability of given) checkCapability(capability)
      return given
    })
    const { kind } = this.region
    const type = 'vendor' in kind ? (REGION_TYPE_PCI_VENDOR | kind.vendor) >>> 0 : kind.global
    const body = REGION_TYPE.encode({ type, subtype: kind.subtype })
    return [{ id: REGION_CAPS.TYPE, version: 1, body }, ...own]
  }

  /** @throws VfioError EINVAL for what the region has no member for, or behind its end. */
  requireAccess(member: 'read' | 'write', offset: number): void {
    const where = `region ${this.index} of ${this.hardware.bdf}`
    if (this.region[member] === undefined)
      throw new VfioError(
        'EINVAL',
        member === 'read' ? 'write-only' : 'read-only',
        `${where} has no ${member}`,
      )
    if (offset >= this.sizeBytes)
      throw new VfioError('EINVAL', 'bad-offset', `0x${offset.toString(16)} is behind the end of ${where}`)
  }

  read(offset: number, out: Uint8Array): void {
    this.#contained('read', () => synchronous(this.region.read!(offset, out)))
  }

  write(offset: number, data: Uint8Array): void {
    this.#contained('write', () => synchronous(this.region.write!(offset, data)))
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
    const { backing } = this.region
    const found = 'memory' in page ? 'memory' : 'bar' in page ? 'bar' : 'nothing'
    if (found !== backing) throw new TypeError(`a page of ${found} in a region that says ${backing}`)
    if (!Number.isSafeInteger(page.offset) || page.offset % PAGE_SIZE_BYTES !== 0 || page.offset < 0)
      throw new RangeError(`page offset ${page.offset} is not a multiple of ${PAGE_SIZE_BYTES}`)
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
      synchronous(this.region[member]?.())
    } catch (cause) {
      this.#tell(member, cause)
    }
  }

  #tell(member: string, cause: unknown): void {
    if (VfioError.is(cause)) return
    this.log({ plugin: this.provider, device: this.hardware.bdf, member, cause })
  }
}

/** A promise would end after the call that it answers: nobody could say what the call did. */
function synchronous(result: unknown): void {
  if (!(result instanceof Promise)) return
  result.catch(() => {})
  throw new TypeError('it answered with a promise; members of a region answer at once')
}

function checkCapability({ id, version, body }: InfoCapability): void {
  const fits = (value: number) => Number.isInteger(value) && value >= 0 && value <= 0xffff
  if (!fits(id) || !fits(version)) throw new RangeError(`capability ${id} version ${version}: 16 bits each`)
  if (!(body instanceof Uint8Array)) throw new TypeError(`the body of capability ${id} is no Uint8Array`)
}
