/**
 * Walks the capability lists of a configuration space as Linux does (pci_find_next_cap_ttl,
 * pci_find_next_ext_capability): at most 48 standard and 480 extended steps, standard pointers below 0x40 and id
 * 0xff end the list. Unlike Linux it says so: every list that does not end properly gives a fault, and all that
 * was walked before is kept.
 */
import {
  CAPABILITY_ID,
  type Capability,
  type CapabilityKnowledge,
  EXTENDED_CAPABILITY_ID,
} from './capability.ts'
import { capabilityName } from './capability-names.ts'
import type { ConfigSpace } from './config-space.ts'
import type { Diagnostic } from './diagnostic.ts'
import { STATUS, STATUS_CAPABILITY_LIST } from './header-registers.ts'

export interface CapabilityWalk {
  readonly capabilities: readonly Capability[]
  readonly known: CapabilityKnowledge
  readonly faults: readonly Diagnostic[]
}

const STEPS_MAX = 48
const EXTENDED_STEPS_MAX = 480
const EXTENDED_START = 0x100
const HEADER_ONLY = 64
const HEADER_AND_LISTS = 256
const HEAD = 0x34
const HEAD_CARDBUS = 0x14
/** PCI-X mode 2 functions (266 and 533 MHz) have an extended space too: bits 30 and 31 of the PCI-X status. */
const PCI_X_STATUS = 4
const PCI_X_MODE_2 = 0xc0000000

/** Ids that a function may legally have more than once. */
const REPEATABLE_STANDARD: ReadonlySet<number> = new Set([CAPABILITY_ID.vendorSpecific, 0x08])
const REPEATABLE_EXTENDED: ReadonlySet<number> = new Set([
  0x00,
  0x0b,
  EXTENDED_CAPABILITY_ID.designatedVendorSpecific,
  0x2e,
])

type ListEnd = 'ended' | 'broken' | 'truncated'

interface ListResult {
  readonly end: ListEnd
}

class Walk {
  readonly capabilities: Capability[] = []
  readonly faults: Diagnostic[] = []
  readonly config: ConfigSpace
  readonly #seen = new Set<number>()
  readonly #seenExtended = new Set<number>()

  constructor(config: ConfigSpace) {
    this.config = config
  }

  fault(code: string, message: string, expected?: string, found?: string): void {
    this.faults.push({
      severity: 'warning',
      code,
      message,
      ...(expected === undefined ? {} : { expected }),
      ...(found === undefined ? {} : { found }),
    })
  }

  add(id: number, extended: boolean, offset: number, version: number): void {
    const repeatable = extended ? REPEATABLE_EXTENDED : REPEATABLE_STANDARD
    const seen = extended ? this.#seenExtended : this.#seen
    if (seen.has(id) && !repeatable.has(id)) {
      this.fault(
        'capability-repeated',
        `capability ${capabilityName(id, extended)} is there twice: again at ${at(offset)}`,
      )
    }
    seen.add(id)
    const name = capabilityName(id, extended)
    this.capabilities.push(Object.freeze({ id, extended, offset, version, name }))
  }
}

function at(offset: number): string {
  return `0x${offset.toString(16).padStart(2, '0')}`
}

function walkStandard(walk: Walk, head: number): ListResult {
  const { config } = walk
  const visited = new Set<number>()
  let from = head
  if (!config.has(head, 1)) return { end: 'truncated' }
  let pointer = config.read8(head) & ~3
  for (let steps = 0; pointer !== 0; steps += 1) {
    if (pointer < 0x40) {
      const place = `pointer at ${at(from)} leads to ${at(pointer)}, inside the header`
      walk.fault('capability-pointer-in-header', `capability list: ${place}`, '0x40 or above', at(pointer))
      return { end: 'broken' }
    }
    if (visited.has(pointer) || steps >= STEPS_MAX) {
      walk.fault('capability-list-loops', `capability list loops back to ${at(pointer)} from ${at(from)}`)
      return { end: 'broken' }
    }
    if (!config.has(pointer, 2)) {
      walk.fault('capability-list-truncated', `capability at ${at(pointer)} lies outside the known bytes`)
      return { end: 'truncated' }
    }
    visited.add(pointer)
    const id = config.read8(pointer)
    if (id === 0xff) {
      walk.fault('capability-list-broken', `capability list is broken at ${at(pointer)}: id 0xff`)
      return { end: 'broken' }
    }
    walk.add(id, false, pointer, 0)
    from = pointer + 1
    pointer = config.read8(from) & ~3
  }
  return { end: 'ended' }
}

function walkExtended(walk: Walk): ListResult {
  const { config } = walk
  const visited = new Set<number>()
  let offset = EXTENDED_START
  for (let steps = 0; ; steps += 1) {
    if (visited.has(offset) || steps >= EXTENDED_STEPS_MAX) {
      walk.fault('capability-list-loops', `extended capability list loops back to ${at(offset)}`)
      return { end: 'broken' }
    }
    if (!config.has(offset, 4)) {
      walk.fault(
        'capability-list-truncated',
        `extended capability at ${at(offset)} lies outside the known bytes`,
      )
      return { end: 'truncated' }
    }
    const header = config.read32(offset)
    if (header === 0 || header === 0xffffffff) {
      if (offset === EXTENDED_START) return { end: 'ended' }
      walk.fault('capability-list-broken', `extended capability list is broken at ${at(offset)}: no header`)
      return { end: 'broken' }
    }
    visited.add(offset)
    walk.add(header & 0xffff, true, offset, (header >>> 16) & 0xf)
    const next = (header >>> 20) & ~3
    if (next === 0) return { end: 'ended' }
    if (next < EXTENDED_START) {
      const message = `extended capability at ${at(offset)} points below the extended space`
      walk.fault('capability-pointer-in-header', message, '0x100 or above', at(next))
      return { end: 'broken' }
    }
    offset = next
  }
}

/** Whether the function can have an extended space at all (pci_cfg_space_size). */
function mayExtend(walk: Walk, classCode: number): boolean {
  if (classCode >>> 8 === 0x0600) return true
  return walk.capabilities.some((entry) => {
    if (entry.id === CAPABILITY_ID.pciExpress) return true
    const status = entry.offset + PCI_X_STATUS
    if (entry.id !== CAPABILITY_ID.pciX || !walk.config.has(status, 4)) return false
    return (walk.config.read32(status) & PCI_X_MODE_2) !== 0
  })
}

/** Old bridges repeat the first 256 bytes all over the extended space (pci_ext_cfg_is_aliased). */
function isAliased(config: ConfigSpace): boolean {
  if (!config.has(0, 4)) return false
  const first = config.read32(0)
  if (first === 0 || first === 0xffffffff) return false
  for (let offset = 256; offset < 4096; offset += 256) {
    if (!config.has(offset, 4) || config.read32(offset) !== first) return false
  }
  return true
}

/**
 * @param sizeBytes the real size of the space when the source knows it: a function whose space is known to end at
 *   256 bytes has no extended capabilities, one whose dump merely ends there may have some.
 */
export function walkCapabilities(
  config: ConfigSpace,
  headerType: number,
  classCode: number,
  sizeBytes?: number,
): CapabilityWalk {
  const walk = new Walk(config)
  if (!config.has(STATUS, 2)) return { capabilities: [], known: 'nothing', faults: [] }
  if (config.sizeBytes < HEADER_AND_LISTS) {
    const message = `configuration space is truncated at ${config.sizeBytes} bytes: what follows is unknown`
    walk.fault('config-truncated', message, '256 or 4096 bytes', `${config.sizeBytes} bytes`)
  }
  let standard: ListResult = { end: 'ended' }
  if ((config.read16(STATUS) & STATUS_CAPABILITY_LIST) !== 0) {
    if (config.sizeBytes <= HEADER_ONLY) return { capabilities: [], known: 'nothing', faults: walk.faults }
    standard = walkStandard(walk, headerType === 2 ? HEAD_CARDBUS : HEAD)
  }
  const extended = extendedResult(walk, classCode, sizeBytes)
  return { capabilities: walk.capabilities, known: knowledge(standard, extended), faults: walk.faults }
}

function extendedResult(
  walk: Walk,
  classCode: number,
  sizeBytes: number | undefined,
): ListResult | 'not-given' {
  const { config } = walk
  if (sizeBytes === 256 || !mayExtend(walk, classCode)) return { end: 'ended' }
  if (!config.has(EXTENDED_START, 4)) return 'not-given'
  if (isAliased(config)) {
    walk.fault('extended-space-aliased', 'extended configuration space repeats the first 256 bytes: not used')
    return { end: 'ended' }
  }
  return walkExtended(walk)
}

function knowledge(standard: ListResult, extended: ListResult | 'not-given'): CapabilityKnowledge {
  if (standard.end !== 'ended') return 'part'
  if (extended === 'not-given') return 'standard'
  return extended.end === 'ended' ? 'all' : 'part'
}
