/** A table of text: columns as wide as their widest cell, numbers to the right. */

/** Renders rows under a heading. Cells are strings or numbers. */
export function table(heading: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const all = [heading, ...rows]
  const widths = heading.map((_, column) => Math.max(...all.map((row) => String(row[column]).length)))
  const line = (row: readonly (string | number)[]) =>
    row
      .map((cell, column) => {
        const width = widths[column]!
        return typeof cell === 'number' ? String(cell).padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd()
  return all.map(line).join('\n')
}
