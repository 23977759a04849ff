/** What is wrong with what a variant driver opened to. */
import { bodyDefect, firstDefect } from '../region/open-regions.ts'
import type { BarOverride, BarRegister, Variant } from './variant-driver.ts'

const LAST_BAR = 5

/** The first defect, in words; undefined when there is none. */
export function variantDefect(variant: Variant): string | undefined {
  if (typeof variant !== 'object' || variant === null) return `it opened to ${String(variant)}`
  const regions = firstDefect(variant.regions ?? [])
  if (regions !== undefined) return regions.message
  for (const [index, bar] of Object.entries(variant.bars ?? {})) {
    const defect = barDefect(Number(index), bar)
    if (defect !== undefined) return `BAR ${index}: ${defect}`
  }
  return undefined
}

function barDefect(index: number, bar: BarOverride): string | undefined {
  if (!Number.isInteger(index) || index < 0 || index > LAST_BAR) return `there are BARs 0 to ${LAST_BAR}`
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
