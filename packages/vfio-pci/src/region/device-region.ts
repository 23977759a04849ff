/**
 * A device-specific region: a plugin's members behind checks, so that what it does wrong stays inside.
 *
 * A VfioError that it throws is an answer to the caller. Anything else is a failure: one entry in the
 * log, and EIO or SIGBUS for the caller.
 */
import type { PciHardware, PciMachine } from '@vfiokit/hardware'
import { effect, type Operation, type VfioErrno } from '@vfiokit/locking'
import {
  type Frame,
  type InfoCapability,
  REGION_CAPS,
  REGION_FLAGS,
  REGION_TYPE,
  REGION_TYPE_PCI_VENDOR,
  SPARSE_AREA,
  VfioError,
} from '@vfiokit/vfio-core'
import { pageFrame } from '../mapping/page-frame.ts'
import { errnoIn, PluginCalls } from '../plugin-calls.ts'
import type { PluginFailureLog } from '../plugin-failure.ts'
import { isOperation, pluginOperation } from './plugin-operation.ts'
import type { MapPlace, Region, RegionBody } from './region.ts'
import { synchronous } from './synchronous.ts'

/** What a region lies in. */
export interface RegionPlace {
  readonly hardware: PciHardware
  readonly memory: PciMachine['memory']
  readonly log: PluginFailureLog
}

/** One region of an open device that a plugin answers for: a device-specific one, or in place of a BAR. */
export class DeviceRegion {
  readonly hardware: PciHardware
  readonly log: PluginFailureLog
  readonly #place: RegionPlace
  readonly #calls: PluginCalls
  #closed = false

  constructor(
    readonly index: number,
    readonly provider: string,
    readonly region: Region | RegionBody,
    place: RegionPlace,
  ) {
    this.hardware = place.hardware
    this.log = place.log
    this.#place = place
    this.#calls = new PluginCalls(provider, place.hardware.bdf, place.log)
  }

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

  /** TYPE first, then SPARSE_MMAP, then the plugin's own. */
  capabilities(): InfoCapability[] {
    const own = this.#calls.answer('capabilities', () => {
      const given = synchronous(this.region.capabilities?.()) ?? []
      for (const capability of given) checkCapability(capability)
      return given
    })
    return [...typeOf(this.region), ...sparseAreasOf(this.region), ...own]
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
    yield* this.#access('read', offset, out)
  }

  *write(offset: number, data: Uint8Array): Operation<void> {
    yield* this.#access('write', offset, data)
  }

  /**
   * Asks the plugin, in one step.
   *
   * @returns undefined when it is done, or what it still has to do, as an Operation.
   * @throws VfioError: what it refuses with, or EIO for a failure; the Operation throws the same.
   */
  ask(member: 'read' | 'write', offset: number, bytes: Uint8Array): Operation<void> | undefined {
    try {
      const answer: unknown = this.region[member]!(offset, bytes)
      if (isOperation(answer)) return this.#rest(member, answer)
      this.#requireDone(member, synchronous(answer))
      return undefined
    } catch (cause) {
      return this.#calls.fail(member, cause)
    }
  }

  /** Why a mapping may not be; undefined: the plugin has nothing against it, or is not asked. */
  refuseMapping(place: MapPlace): VfioErrno | undefined {
    return this.#calls.errno('mmap', () => this.region.mmap?.(place))
  }

  /** What the page at an offset shows, or undefined: no such page, the plugin threw, or it answered nonsense. */
  frame(offset: number): Frame | undefined {
    try {
      const page = synchronous(this.region.fault!(offset))
      return page === undefined ? undefined : pageFrame(page, this.region.backing, this.#place)
    } catch (cause) {
      this.#calls.tell('fault', cause)
      return undefined
    }
  }

  resetPrepare(): void {
    this.#calls.tolerated('resetPrepare', () => this.region.resetPrepare?.())
  }

  resetDone(): void {
    this.#calls.tolerated('resetDone', () => this.region.resetDone?.())
  }

  /** Once, whatever happens. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#calls.tolerated('close', () => this.region.close?.())
  }

  *#access(member: 'read' | 'write', offset: number, bytes: Uint8Array): Operation<void> {
    const rest = yield* effect<Operation<void> | undefined>(
      `${member} of region ${this.index}`,
      [undefined],
      () => this.ask(member, offset, bytes),
    )
    if (rest !== undefined) yield* rest
  }

  *#rest(member: string, operation: Operation<unknown>): Operation<void> {
    try {
      this.#requireDone(member, yield* pluginOperation(operation))
    } catch (cause) {
      this.#calls.fail(member, cause)
    }
  }

  #requireDone(member: string, answer: unknown): void {
    const errno = errnoIn(answer)
    if (errno === undefined) return
    throw new VfioError(
      errno,
      'plugin-refused',
      `${member} of region ${this.index} of ${this.hardware.bdf} by ${this.provider}`,
    )
  }
}

/** What stands in the place of a BAR has no type of its own. */
function typeOf(region: Region | RegionBody): InfoCapability[] {
  const { kind } = region as Partial<Region>
  if (kind === undefined) return []
  const type = 'vendor' in kind ? (REGION_TYPE_PCI_VENDOR | kind.vendor) >>> 0 : kind.global
  const body = REGION_TYPE.encode({ type, subtype: kind.subtype })
  return [{ id: REGION_CAPS.TYPE, version: 1, body }]
}

/** How many areas, as 64 bits with 32 of them reserved, and the areas. */
function sparseAreasOf(region: RegionBody): InfoCapability[] {
  if (region.fault === undefined || region.sparse === undefined) return []
  const { sparse } = region
  const body = new Uint8Array(SPARSE_COUNT_BYTES + sparse.length * SPARSE_AREA.sizeBytes)
  new DataView(body.buffer).setUint32(0, sparse.length, true)
  for (const [at, { offset, sizeBytes }] of sparse.entries()) {
    const area = { offset: BigInt(offset), size: BigInt(sizeBytes) }
    SPARSE_AREA.write(body, area, SPARSE_COUNT_BYTES + at * SPARSE_AREA.sizeBytes)
  }
  return [{ id: REGION_CAPS.SPARSE_MMAP, version: 1, body }]
}

const SPARSE_COUNT_BYTES = 8

function checkCapability({ id, version, body }: InfoCapability): void {
  const fits = (value: number) => Number.isInteger(value) && value >= 0 && value <= 0xffff
  if (!fits(id) || !fits(version)) throw new RangeError(`capability ${id} version ${version}: 16 bits each`)
  if (!(body instanceof Uint8Array)) throw new TypeError(`the body of capability ${id} is no Uint8Array`)
}
