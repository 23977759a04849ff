/** What is wrong with what a variant driver opened to. */
import { bodyDefect, firstDefect } from '../region/open-regions.ts'
import type { BarOverride, BarRegister, Variant } from './variant-driver.ts'

const LAST_BAR = 5

/** The first defect, in words; undefined when there is none. */
export function variantDefect(variant: Variant): string | undefined {
  if (!isObject(variant)) return `it opened to ${String(variant)}`
  const shape = shapeDefect(variant)
  if (shape !== undefined) return shape
  const regions = firstDefect(variant.regions ?? [])
  if (regions !== undefined) return regions.message
  for (const [index, bar] of Object.entries(variant.bars ?? {})) {
    const defect = barDefect(Number(index), bar)
    if (defect !== undefined) return `BAR ${index}: ${defect}`
  }
  return undefined
}

/** Members that are asked for later, and would be missed only then. */
const FUNCTIONS = { migration: ['step', 'dataSizeBytes'], dmaLog: ['start', 'stop', 'report'] } as const

function shapeDefect(variant: Variant): string | undefined {
  const { regions, bars, features } = variant
  if (regions !== undefined && !Array.isArray(regions)) return `regions is ${String(regions)}, not a list`
  if (bars !== undefined && !isObject(bars)) return `bars is ${String(bars)}, not an object`
  if (features !== undefined && typeof features.get !== 'function')
    return `features is ${String(features)}, not a Map`
  for (const [name, members] of Object.entries(FUNCTIONS)) {
    const value: unknown = variant[name as keyof typeof FUNCTIONS]
    const missing = members.find(
      (member) => isObject(value) && typeof Reflect.get(value, member) !== 'function',
    )
    if (value !== undefined && !isObject(value)) return `${name} is ${String(value)}, not an object`
    if (missing !== undefined) return `${name} has no ${missing}`
  }
  return undefined
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function barDefect(index: number, bar: BarOverride): string | undefined {
  if (!Number.isInteger(index) || index < 0 || index > LAST_BAR) return `there are BARs 0 to ${LAST_BAR}`
  if (!isObject(bar)) return `it is ${String(bar)}, not an object`
  if ('visibleBytes' in bar) {
    const { visibleBytes } = bar
    return Number.isSafeInteger(visibleBytes) && visibleBytes > 0
      ? undefined
      : `visibleBytes is ${visibleBytes}, not a whole number from 1 on`
  }
  return bodyDefect(bar) ?? (bar.register && registerDefect(index, bar.register))
}

function registerDefect(index: number, { width, sizeBytes }: BarRegister): string | undefined {
  if (!(sizeBytes > 0 && Number.isSafeInteger(Math.log2(sizeBytes))))
    return `register.sizeBytes is ${sizeBytes}, not a power of two`
  return width === 64 && index === LAST_BAR ? 'a 64-bit BAR needs the register behind it' : undefined
}
