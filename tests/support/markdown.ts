/** The parts of a page that links lead to. */

/** The anchor that a forge makes of a heading. */
export const anchorOf = (heading: string): string =>
  heading.toLowerCase().replace(/[^\w -]/g, "").replaceAll(" ", "-")

/** The headings of a page, without their marks. */
export const headingsIn = (page: string): ReadonlyArray<string> =>
  [...page.replaceAll(/^```.*?^```$/gms, "").matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading!)

/** The rows of the table that begins with this header cell, as their cells. */
export const tableIn = (page: string, first: string): ReadonlyArray<ReadonlyArray<string>> => {
  const lines = page.split("\n")
  const start = lines.findIndex((line) => line.startsWith(`| ${first} `))
  const rows = lines.slice(start + 2)
  const end = rows.findIndex((line) => !line.startsWith("|"))
  return rows.slice(0, end).map((row) => row.split("|").slice(1, -1).map((cell) => cell.trim()))
}
