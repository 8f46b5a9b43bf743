/** Lays out texts in columns: the first aligned to the left, all others to the right. */

/** The head and the rows as lines, with columns of equal width. */
export const columns = (
  head: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string>>,
): string => {
  const widths = head.map((title, n) =>
    Math.max(title.length, ...rows.map((row) => row[n]?.length ?? 0))
  )
  const line = (cells: ReadonlyArray<string>) =>
    widths.map((width, n) => {
      const cell = cells[n] ?? ""
      return n === 0 ? cell.padEnd(width) : cell.padStart(width)
    }).join("  ").trimEnd()
  return [head, ...rows].map(line).join("\n")
}
