/** The frame of a page that a plugin named, looked at so closely that it cannot be anybody else's. */
import type { PciHardware, PciMachine } from '@vfiokit/hardware'
import { type Frame, MemoryFrame, PAGE_SIZE_BYTES } from '@vfiokit/vfio-core'
import type { BarPage, MemoryPage, PhysicalPage, RegionBody, RegionPage } from '../region/region.ts'
import { BarFrame } from './bar-frame.ts'
import { PhysicalFrame } from './physical-frame.ts'

type Backing = NonNullable<RegionBody['backing']>

/** What backs a page is the name of the member that says where it is. */
export const BACKINGS: readonly Backing[] = ['bar', 'memory', 'physical']

/** Where pages may lie. */
interface FramePlace {
  readonly hardware: PciHardware
  readonly memory: PciMachine['memory']
}

const PAGE_BYTES = BigInt(PAGE_SIZE_BYTES)

/**
 * @param backing - What the region says of its pages.
 * @throws TypeError for a page of something else, or of two things.
 * @throws RangeError for one that is not there, or not whole.
 */
export function pageFrame(page: RegionPage, backing: Backing | undefined, place: FramePlace): Frame {
  for (const each of BACKINGS) if (each in page !== (each === backing)) throw otherBacking(page, backing)
  if (backing === 'bar') return barFrame(page as BarPage, place)
  if (backing === 'memory') return memoryFrame(page as MemoryPage)
  return physicalFrame(page as PhysicalPage, place)
}

function otherBacking(page: RegionPage, backing: Backing | undefined): TypeError {
  const found = BACKINGS.filter((each) => each in page).join(' and ') || 'nothing'
  return new TypeError(`a page of ${found} in a region that says ${backing}`)
}

function barFrame({ bar, offset }: BarPage, { hardware }: FramePlace): Frame {
  const resource = hardware.resources.find((each) => each.bar === bar && each.kind === 'memory')
  if (resource === undefined) throw new RangeError(`there is no memory BAR ${bar}`)
  requireWhole(offset, resource.sizeBytes)
  return new BarFrame(hardware, bar, offset)
}

function memoryFrame({ memory, offset }: MemoryPage): Frame {
  if (!(memory instanceof Uint8Array)) throw new TypeError('the memory of a page is no Uint8Array')
  requireWhole(offset, memory.length)
  return new MemoryFrame(memory, offset)
}

function requireWhole(offset: number, bytesBehind: number): void {
  if (!Number.isSafeInteger(offset) || offset % PAGE_SIZE_BYTES !== 0 || offset < 0)
    throw new RangeError(`page offset ${offset} is not a multiple of ${PAGE_SIZE_BYTES}`)
  if (offset + PAGE_SIZE_BYTES > bytesBehind)
    throw new RangeError(`what backs it ends inside the page at 0x${offset.toString(16)}`)
}

/** That there is memory is found out where it is looked up, which is once. */
function physicalFrame({ physical }: PhysicalPage, { memory }: FramePlace): Frame {
  if (physical % PAGE_BYTES !== 0n)
    throw new RangeError(`physical address 0x${physical.toString(16)} is inside a page`)
  return new PhysicalFrame(memory, physical)
}
