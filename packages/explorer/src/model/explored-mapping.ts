/** Mappings and address spaces of a model: places of pages, without pages. */
import type {
  AddressSpaceHandle,
  DeviceHandle,
  MappingHandle,
  PageRange,
  ProcessHandle,
} from '@vfiokit/locking'

/** A mapping of some pages of a device, explored in one unit or in several. */
export class ExploredMapping implements MappingHandle {
  readonly id: string
  isLinked = true
  /** By unit. */
  readonly present: boolean[]
  /** By unit: it shows another place of the device than its offset names (I5). */
  readonly misplaced: boolean[]

  /**
   * @param first - Page of its address space at which it begins.
   * @param pages - How many pages it has.
   * @param units - Into how many equal parts it is divided; each comes and goes as a whole.
   */
  constructor(
    readonly device: DeviceHandle,
    readonly process: ProcessHandle,
    readonly name: string,
    readonly place: {
      readonly first: number
      readonly pages: number
      readonly units: number
      readonly followsMemory: boolean
    },
  ) {
    this.id = name
    this.present = Array.from({ length: place.units }, () => false)
    this.misplaced = [...this.present]
  }

  get followsMemory(): boolean {
    return this.place.followsMemory
  }

  /** The unit that a page of the mapping lies in. */
  unitOf(page: number): number {
    return Math.floor((page * this.place.units) / this.place.pages)
  }

  /** Units that have a page in a range of the address space. */
  unitsIn({ first, last }: PageRange): number[] {
    const from = Math.max(first, this.place.first) - this.place.first
    const to = Math.min(last, this.place.first + this.place.pages - 1) - this.place.first
    if (to < from) return []
    const [low, high] = [this.unitOf(from), this.unitOf(to)]
    return Array.from({ length: high - low + 1 }, (_, at) => low + at)
  }

  get presentPages(): number {
    return this.present.filter((isPresent) => isPresent).length
  }

  has(page: number): boolean {
    return this.present[this.unitOf(page)]!
  }

  insert(page: number | 'all', frame?: unknown): void {
    for (const [unit, isPresent] of this.present.entries())
      if ((page === 'all' || this.unitOf(page) === unit) && !isPresent) {
        this.present[unit] = true
        this.misplaced[unit] = frame !== undefined
      }
  }

  zap(): number {
    const { presentPages } = this
    this.present.fill(false)
    return presentPages
  }

  showsExpectedFrame(page: number): boolean {
    return !this.misplaced[this.unitOf(page)]
  }
}

/** All mappings of one device, or of a whole set where a strategy asks for that. */
export class ExploredSpace implements AddressSpaceHandle {
  readonly mappings: ExploredMapping[] = []

  constructor(readonly id: string) {}

  unmapMappingRange(range: PageRange): number {
    let removed = 0
    for (const mapping of this.mappings)
      for (const unit of mapping.unitsIn(range)) {
        removed += Number(mapping.present[unit])
        mapping.present[unit] = false
      }
    return removed
  }

  presentPages(range: PageRange): number {
    return this.mappings.reduce(
      (sum, mapping) => sum + mapping.unitsIn(range).filter((unit) => mapping.present[unit]).length,
      0,
    )
  }
}
