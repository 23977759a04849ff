/**
 * A device-specific region: a plugin's members behind checks, so that what it does wrong stays inside.
 *
 * A VfioError that it throws is an answer to the caller. Anything else is a failure: one entry in the
 * log, and EIO or SIGBUS for the caller.
 */
import type { PciHardware } from '@vfiokit/hardware'
import { effect, type Operation } from '@vfiokit/locking'
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
import { isOperation, pluginOperation } from './plugin-operation.ts'
import type { BarPage, MemoryPage, Region } from './region-provider.ts'
import { synchronous } from './synchronous.ts'

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
      const given = synchronous(this.region.capabilities?.()) ?? []
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

  /** One step, and then those of the Operation if the member answers with one. */
  *read(offset: number, out: Uint8Array): Operation<void> {
    yield* this.#access('read', () => this.region.read!(offset, out))
  }

  *write(offset: number, data: Uint8Array): Operation<void> {
    yield* this.#access('write', () => this.region.write!(offset, data))
  }

  /** The page at an offset, or undefined: no such page, the plugin threw, or it answered nonsense. */
  fault(offset: number): BarPage | MemoryPage | undefined {
    try {
      const page = synchronous(this.region.fault!(offset))
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

  *#access(member: 'read' | 'write', ask: () => undefined | void | Operation<void>): Operation<void> {
    const rest = yield* effect<Operation<unknown> | undefined>(
      `${member} of region ${this.index}`,
      [undefined],
      () => this.#contained(member, () => stepwise(ask())),
    )
    if (rest === undefined) return
    try {
      yield* pluginOperation(rest)
    } catch (cause) {
      this.#fail(member, cause)
    }
  }

  #contained<T>(member: string, fn: () => T): T {
    try {
      return fn()
    } catch (cause) {
      return this.#fail(member, cause)
    }
  }

  /** A VfioError is the answer; anything else is told, and EIO. */
  #fail(member: string, cause: unknown): never {
    this.#tell(member, cause)
    if (VfioError.is(cause)) throw cause
    throw new VfioError('EIO', 'plugin-failed', `${this.provider} ${member} of region ${this.index}`)
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

/** What `read` or `write` still has to do, if it answered with an Operation. */
function stepwise(answer: unknown): Operation<unknown> | undefined {
  return isOperation(answer) ? answer : void synchronous(answer)
}

function checkCapability({ id, version, body }: InfoCapability): void {
  const fits = (value: number) => Number.isInteger(value) && value >= 0 && value <= 0xffff
  if (!fits(id) || !fits(version)) throw new RangeError(`capability ${id} version ${version}: 16 bits each`)
  if (!(body instanceof Uint8Array)) throw new TypeError(`the body of capability ${id} is no Uint8Array`)
}
