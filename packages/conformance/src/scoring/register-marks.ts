/** What the measured profile of a device kind says of the registers of its BARs. */

/** How a register's values come about. */
export type RegisterMark = 'logic' | 'volatile' | 'kept'

/** One register of a BAR. */
export interface RegisterText {
  readonly offset: string
  readonly size: number
  readonly class: string
}

/** One BAR of a profile. */
export interface BarText {
  readonly bar: number
  readonly class?: string
  readonly of?: number
  readonly limit?: string | number
  readonly registers?: readonly RegisterText[]
  /** Legacy VGA ports that change by themselves. */
  readonly volatile?: readonly string[]
}

/** The members of a profile file that scoring looks at. */
export interface ProfileText {
  readonly bars?: readonly BarText[]
  readonly msix?: { readonly bar: number; readonly table: string; readonly entries: number }
}

const MSIX_ENTRY_BYTES = 16

/** Marks of one kind of device, by region and byte. */
export class RegisterMarks {
  readonly #profile: ProfileText
  readonly #marked = new Map<string, RegisterMark>()

  constructor(profile: ProfileText) {
    this.#profile = profile
    for (const { bar, registers = [], volatile: ports = [] } of profile.bars ?? []) {
      for (const register of registers) this.#mark(bar, register)
      for (const port of ports) this.#mark(bar, { offset: port, size: 1, class: 'volatile' })
    }
  }

  /** What lies at a byte; a BAR that is another name of a second one has its marks. */
  at(region: number, offset: number): RegisterMark {
    const bar = this.#profile.bars?.find((candidate) => candidate.bar === region)
    if (bar?.class === 'alias' && bar.of !== undefined) return this.at(bar.of, offset)
    return this.#marked.get(`${region}:${offset}`) ?? 'kept'
  }

  /** Which byte of an entry of the MSI-X table lies there. */
  msixEntryByte(region: number, offset: number): number | undefined {
    const { msix } = this.#profile
    if (msix === undefined || msix.bar !== region) return undefined
    const at = offset - Number(msix.table)
    return at >= 0 && at < msix.entries * MSIX_ENTRY_BYTES ? at % MSIX_ENTRY_BYTES : undefined
  }

  #mark(bar: number, { offset, size, class: kind }: RegisterText): void {
    if (kind !== 'logic' && kind !== 'volatile') return
    for (let at = 0; at < size; at += 1) this.#marked.set(`${bar}:${Number(offset) + at}`, kind)
  }
}
