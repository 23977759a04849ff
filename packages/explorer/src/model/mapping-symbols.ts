/** Pages and links of explored mappings as variables. */
import type { InsertOp, MappingHandle, Op, ZapOp } from '@vfiokit/locking'
import type { Write } from '../program/automaton.ts'
import type { ExploredPages } from '../program/explored-pages.ts'
import type { Symbols } from '../program/symbols.ts'
import { ExploredMapping, ExploredSpace } from './explored-mapping.ts'
import { CopyOp, LinkOp } from './model-ops.ts'

/** What ops on pages do, as writes of variables. */
export class MappingSymbols implements ExploredPages {
  constructor(readonly symbols: Symbols) {}

  page(handle: MappingHandle, page: number): number {
    const mapping = explored(handle)
    return this.unit(mapping, mapping.unitOf(page))
  }

  unit(mapping: ExploredMapping, unit: number): number {
    const of = mapping.present.length === 1 ? '' : ` unit ${unit}`
    return this.symbols.variable(mapping, `unit ${unit}`, () => ({
      name: `pages of ${mapping.id}${of}`,
      size: 2,
      initial: Number(mapping.present[unit]),
      show: (value) => {
        mapping.present[unit] = value === 1
      },
    }))
  }

  /** Whether a unit shows another place of the device than its offset names. */
  misplaced(mapping: ExploredMapping, unit: number): number {
    return this.symbols.variable(mapping, `misplaced ${unit}`, () => ({
      name: `pages of ${mapping.id} are misplaced`,
      size: 2,
      initial: Number(mapping.misplaced[unit]),
      show: (value) => {
        mapping.misplaced[unit] = value === 1
      },
    }))
  }

  /** Every unit of a mapping. */
  units(mapping: ExploredMapping): number[] {
    return [...mapping.present.keys()].map((unit) => this.unit(mapping, unit))
  }

  linked(handle: MappingHandle): number {
    const mapping = explored(handle)
    return this.symbols.variable(mapping, 'linked', () => ({
      name: `${mapping.id} is linked`,
      size: 2,
      initial: Number(mapping.isLinked),
      show: (value) => {
        mapping.isLinked = value === 1
      },
    }))
  }

  inserted({ mapping, page, frame }: InsertOp): Write[] {
    const target = explored(mapping)
    const units = page === 'all' ? [...target.present.keys()] : [target.unitOf(page)]
    return units.flatMap((unit) => {
      const variable = this.unit(target, unit)
      // A page that is there already stays as it is.
      const isNew = { variable, isSet: false }
      const place = { variable: this.misplaced(target, unit), value: Number(frame !== undefined) }
      return [
        { ...place, guard: isNew },
        { variable, value: 1, guard: undefined },
      ]
    })
  }

  zapped({ space, ranges }: ZapOp): Write[] {
    if (!(space instanceof ExploredSpace)) throw new TypeError(`${space.id} is not a space of this model`)
    const writes = new Map<number, Write>()
    for (const mapping of space.mappings)
      for (const range of ranges)
        for (const unit of mapping.unitsIn(range)) {
          const variable = this.unit(mapping, unit)
          writes.set(variable, { variable, value: 0, guard: { variable: this.linked(mapping), isSet: true } })
        }
    return [...writes.values()]
  }

  emptied(mapping: MappingHandle): Write[] {
    return this.units(explored(mapping)).map((variable) => ({ variable, value: 0, guard: undefined }))
  }

  relinked(op: Op<unknown>): Write[] {
    if (op instanceof CopyOp) return this.#copied(op)
    if (!(op instanceof LinkOp)) throw new TypeError(`${op.object} is not known to this model`)
    return [{ variable: this.linked(op.mapping), value: Number(op.isLinked), guard: undefined }]
  }

  /** Pages are copied while the original exists, and its pages are gone when it does not. */
  #copied({ original, copy }: CopyOp): Write[] {
    const alike = (from: number, to: number): Write => {
      return { variable: to, value: 1, guard: { variable: from, isSet: true } }
    }
    const pages = [...original.present.keys()].flatMap((unit) => [
      alike(this.unit(original, unit), this.unit(copy, unit)),
      alike(this.misplaced(original, unit), this.misplaced(copy, unit)),
    ])
    const whileLinked = { variable: this.linked(original), isSet: true }
    return [{ variable: this.linked(copy), value: 1, guard: whileLinked }, ...pages]
  }
}

function explored(mapping: MappingHandle): ExploredMapping {
  if (mapping instanceof ExploredMapping) return mapping
  throw new TypeError(`${mapping.id} is not a mapping of this model`)
}
