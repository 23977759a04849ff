/** One panel of a plot: a frame, ticks with a grid, and a line for each series. */
import type { Scale } from './scale.ts'

/** Where a panel lies in the file. */
export interface PanelPlace {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

/** One series. */
export interface Line {
  readonly points: readonly { readonly x: number; readonly y: number }[]
  readonly colour: string
  /** As `stroke-dasharray`; empty for a line that is drawn through. */
  readonly dash: string
}

/** What a panel shows. */
export interface Panel {
  readonly title: string
  readonly lines: readonly Line[]
  readonly x: Scale
  readonly y: Scale
  readonly xLabel: string
  /** Of a value of the vertical axis. */
  readonly text: (value: number) => string
}

/** Room for labels inside the place of a panel. */
const ROOM = { left: 64, right: 24, top: 28, bottom: 44 }

/** Text at a place. */
export interface TextPlace {
  readonly x: number
  readonly y: number
  readonly anchor?: 'start' | 'middle' | 'end'
  readonly size?: number
}

/** The panel as elements. */
export function panelSvg({ left, top, width, height }: PanelPlace, panel: Panel): string {
  const inner = { width: width - ROOM.left - ROOM.right, height: height - ROOM.top - ROOM.bottom }
  const at = {
    x: (value: number) => rounded(left + ROOM.left + panel.x.place(value) * inner.width),
    y: (value: number) => rounded(top + ROOM.top + (1 - panel.y.place(value)) * inner.height),
  }
  const [frameLeft, frameTop] = [left + ROOM.left, top + ROOM.top]
  const bottom = frameTop + inner.height
  const columns = panel.x.ticks.flatMap((tick) => [
    `<path d="M${at.x(tick)} ${frameTop}v${inner.height}" stroke="#e0e0e0"/>`,
    textSvg(String(tick), { x: at.x(tick), y: bottom + 15, anchor: 'middle' }),
  ])
  const rows = panel.y.ticks.flatMap((tick) => [
    `<path d="M${frameLeft} ${at.y(tick)}h${inner.width}" stroke="#e0e0e0"/>`,
    textSvg(panel.text(tick), { x: frameLeft - 6, y: at.y(tick) + 4, anchor: 'end' }),
  ])
  return [
    ...columns,
    ...rows,
    `<rect x="${frameLeft}" y="${frameTop}" width="${inner.width}" height="${inner.height}" ` +
      'fill="none" stroke="#606060"/>',
    textSvg(panel.title, { x: frameLeft, y: frameTop - 8, size: 13 }),
    textSvg(panel.xLabel, { x: frameLeft + inner.width / 2, y: bottom + 32, anchor: 'middle' }),
    ...panel.lines.flatMap((line) => lineSvg(line, at)),
  ].join('\n')
}

/** A line with a dot at each value; one that the axis has no place for is left out. */
function lineSvg(
  { points, colour, dash }: Line,
  at: { readonly x: (value: number) => number; readonly y: (value: number) => number },
): string[] {
  const places = points
    .toSorted((one, other) => one.x - other.x)
    .map(({ x, y }) => ({ x: at.x(x), y: at.y(y) }))
    .filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y))
  if (places.length === 0) return []
  const path = places.map(({ x, y }) => `${x} ${y}`).join('L')
  return [
    `<path d="M${path}" fill="none" stroke="${colour}" stroke-width="1.5" stroke-dasharray="${dash}"/>`,
    ...places.map(({ x, y }) => `<circle cx="${x}" cy="${y}" r="2.5" fill="${colour}"/>`),
  ]
}

/** A text element. */
export function textSvg(text: string, { x, y, anchor = 'start', size }: TextPlace): string {
  const font = size === undefined ? '' : ` font-size="${size}"`
  return `<text x="${x}" y="${y}" text-anchor="${anchor}"${font}>${escaped(text)}</text>`
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }

function escaped(text: string): string {
  return text.replace(/[&<>]/g, (character) => ESCAPES[character]!)
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10
}
