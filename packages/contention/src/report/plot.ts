/** Measurements as one SVG file that needs nothing else: six panels over what was varied. */
import { DIMENSIONS, type Measurement, variedDimensions } from './measurement.ts'
import { type Line, type PanelPlace, panelSvg, textSvg } from './plot-panel.ts'
import { decadeScale, linearScale, type Scale, valueScale } from './scale.ts'
import { countText, shareText, timeText } from './units.ts'

/** What one panel shows. */
interface Quantity {
  readonly title: string
  readonly of: (row: Measurement) => number
  readonly text: (value: number) => string
  readonly scale: (values: readonly number[]) => Scale
}

const shares = () => linearScale(0, 1, 4)

const QUANTITIES: readonly Quantity[] = [
  {
    title: 'touches per simulated second',
    of: ({ touchesPerSecond }) => touchesPerSecond,
    text: countText,
    scale: decadeScale,
  },
  {
    title: 'faults per simulated second',
    of: ({ operations }) => operations.fault?.perSecond ?? 0,
    text: countText,
    scale: decadeScale,
  },
  {
    title: 'latency of a fault, 99 of 100 within',
    of: ({ operations }) => operations.fault?.p99 ?? 0,
    text: timeText,
    scale: decadeScale,
  },
  {
    title: 'hot resets per simulated second',
    of: ({ operations }) => operations['hot-reset']?.perSecond ?? 0,
    text: countText,
    scale: decadeScale,
  },
  {
    title: 'hot resets answered EBUSY',
    of: ({ hotResets }) => hotResets.ebusyRate,
    text: shareText,
    scale: shares,
  },
  {
    title: 'faults of pages that were zapped in excess',
    of: ({ refaults }) => refaults.excessShare,
    text: shareText,
    scale: shares,
  },
]

const PANEL = { width: 440, height: 280 }
const COLUMNS = 2
const MARGIN = 20
const HEADER = 30
const LEGEND = { width: 270, row: 20 }
/** Eight that people tell apart who see colours differently (Okabe and Ito); then dashes. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000', '#8c6d31']
const DASHES = ['', '6 3', '2 3', '8 3 2 3']

/** The file. @param title - What stands above all panels. */
export function plotOf(rows: readonly Measurement[], title: string): string {
  const varied = variedDimensions(rows)
  const axis = varied[0] ?? DIMENSIONS[0]!
  const names = (row: Measurement) =>
    [
      row.strategy,
      ...varied.filter((each) => each !== axis).map(({ key, label }) => `${row[key]} ${label}`),
    ].join(', ')
  const series = new Map<string, Measurement[]>()
  for (const row of rows) series.set(names(row), [...(series.get(names(row)) ?? []), row])
  const x = valueScale(rows.length > 0 ? rows.map((row) => row[axis.key]) : [1])
  const panels = QUANTITIES.map((quantity, at) => {
    const lines = [...series.values()].map((of, index): Line => {
      const points = of.map((row) => ({ x: row[axis.key], y: quantity.of(row) }))
      return { points, ...lookOf(index) }
    })
    const y = quantity.scale(rows.map(quantity.of))
    return panelSvg(placeOf(at), { ...quantity, lines, x, y, xLabel: axis.label })
  })
  return document([...series.keys()], panels, title)
}

function lookOf(index: number): Pick<Line, 'colour' | 'dash'> {
  const dash = DASHES[Math.floor(index / COLOURS.length) % DASHES.length]!
  return { colour: COLOURS[index % COLOURS.length]!, dash }
}

function placeOf(at: number): PanelPlace {
  const left = MARGIN + (at % COLUMNS) * PANEL.width
  return { left, top: HEADER + MARGIN + Math.floor(at / COLUMNS) * PANEL.height, ...PANEL }
}

function document(names: readonly string[], panels: readonly string[], title: string): string {
  const left = MARGIN + COLUMNS * PANEL.width
  const legend = names.flatMap((name, index) => {
    const { colour, dash } = lookOf(index)
    const y = HEADER + MARGIN + (index + 1) * LEGEND.row
    return [
      `<path d="M${left} ${y - 4}h28" fill="none" stroke="${colour}" stroke-width="2" stroke-dasharray="${dash}"/>`,
      textSvg(name, { x: left + 36, y }),
    ]
  })
  const width = left + LEGEND.width
  const rowsHigh = Math.ceil(panels.length / COLUMNS) * PANEL.height
  const height = HEADER + 2 * MARGIN + Math.max(rowsHigh, (names.length + 1) * LEGEND.row)
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
      'font-family="sans-serif" font-size="11">',
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    textSvg(title, { x: MARGIN, y: HEADER, size: 15 }),
    ...panels,
    ...legend,
    '</svg>',
    '',
  ].join('\n')
}
