import { unmapRange, vmaList } from '@vfiokit/locking-strategies'
import { describe, expect, test } from 'vitest'
import { slot } from '../fixtures/slot.ts'
import { simulateNow } from '../simulate.ts'
import { csvOf } from './csv.ts'
import type { Measurement } from './measurement.ts'
import { plotOf } from './plot.ts'

const SHORT = { durationNs: 5e8 }

function measured(strategy: typeof unmapRange | typeof vmaList, devices: number): Measurement {
  return { devices, mappings: 1, faultRate: 100, ...simulateNow(strategy, slot(devices), SHORT) }
}

const rows = [1, 2, 4].flatMap((devices) => [measured(unmapRange, devices), measured(vmaList, devices)])
const attributes = (svg: string, pattern: RegExp) => [...svg.matchAll(pattern)].map(([, found]) => found!)

describe('comma-separated values', () => {
  test('are a heading and a row each, of equally many cells, ended by CRLF', () => {
    const lines = csvOf(rows).split('\r\n')
    expect(lines.pop()).toBe('')
    expect(lines).toHaveLength(1 + rows.length)
    expect(new Set(lines.map((line) => line.split(',').length)).size).toBe(1)
    const heading = lines[0]!.split(',')
    expect(heading.slice(0, 4)).toEqual(['strategy', 'devices', 'mappings', 'fault_rate'])
    expect(heading).toContain('hot_reset_p99_ns')
    expect(heading).not.toContain('function_reset_count')
    expect(lines[3]!.split(',')[heading.indexOf('fault_count')]).toBe(
      String(rows[2]!.operations.fault!.count),
    )
  })

  test('quote what would be taken for something else', () => {
    const [, row] = csvOf([{ ...rows[0]!, strategy: 'a,b', message: 'say "no"\nagain' }]).split('\r\n')
    expect(row).toMatch(/^"a,b",1,1,100,ok,"say ""no""\nagain",/)
  })

  test('leave cells empty of what one strategy did not do', () => {
    const lines = csvOf([{ ...rows[0]!, operations: {} }, rows[1]!]).split('\r\n')
    expect(lines[1]!.split(',').filter((cell) => cell === '').length).toBeGreaterThan(8)
  })
})

describe('a plot', () => {
  const svg = plotOf(rows, 'slot')

  test('is one file that loads nothing', () => {
    expect(svg).toMatch(/^<\?xml[^>]*>\n<svg xmlns="http:\/\/www.w3.org\/2000\/svg" [\s\S]*<\/svg>\n$/)
    expect(svg.replace('http://www.w3.org/2000/svg', '')).not.toMatch(/href|url\(|https?:/)
    expect(svg).not.toMatch(/NaN|Infinity|undefined/)
  })

  test('has six panels with a tick for each number of devices, at equal distances', () => {
    const ticks = attributes(svg, /<text x="([\d.]+)" y="[\d.]+" text-anchor="middle">[124]<\/text>/g).map(
      Number,
    )
    expect(ticks).toHaveLength(18)
    const [one, two, four] = ticks
    expect(two! - one!).toBeCloseTo(four! - two!, 0)
    expect(attributes(svg, /<text[^>]*>(devices)<\/text>/g)).toHaveLength(6)
  })

  test('has a legend and a line of each strategy, a dot for each value', () => {
    expect(attributes(svg, /<text[^>]*>(unmap-range|vma-list)<\/text>/g)).toEqual(['unmap-range', 'vma-list'])
    const colours = attributes(svg, /<circle[^>]* fill="(#[0-9a-f]+)"/g)
    expect(new Set(colours).size).toBe(2)
    // What a logarithmic axis has no place for, such as no hot reset at all, has no dot.
    expect(colours.length).toBeGreaterThan(24)
    expect(colours.length).toBeLessThanOrEqual(36)
  })

  test('goes over what is varied, and tells series of other sizes apart', () => {
    const over = rows.slice(0, 2).flatMap((row) => [
      { ...row, mappings: 1 },
      { ...row, mappings: 8 },
    ])
    expect(attributes(plotOf(over, ''), /<text[^>]*>(mappings per device)<\/text>/g)).toHaveLength(6)
    const both = [...rows, ...rows.map((row) => ({ ...row, faultRate: 5 }))]
    expect(plotOf(both, '')).toContain('>vma-list, 5 touches per second and thread<')
  })

  test('shows names as they are', () => {
    expect(plotOf([{ ...rows[0]!, strategy: 'a<b & c' }], '1 > 2')).toContain('>a&lt;b &amp; c<')
  })

  test('of nothing is empty and whole', () => {
    expect(plotOf([], 'nothing')).not.toMatch(/NaN|Infinity|undefined|circle/)
  })
})
