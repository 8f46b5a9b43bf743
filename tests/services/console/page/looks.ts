/** The page at both widths and in both colour schemes: axe finds nothing, and everything fits. */
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import type { Page } from "playwright-core"
import { expect } from "vitest"
import { atLength } from "#tests/support/length.ts"

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core"), "utf8")
export const wide = { width: 1440, height: 900 }
const narrow = { width: 360, height: 800 }
/** Each scheme and each width once, or all combinations at the long length. */
const looks = [
  ["light", wide],
  ["dark", narrow],
  ...atLength([], [["light", narrow], ["dark", wide]] as const),
] as const

/** Checks the page in all looks. `seen` is called in each, such as to take a picture. */
export const expectNoComplaint = async (
  page: Page,
  path: string,
  seen: (name: string) => Promise<unknown> = () => Promise.resolve(),
) => {
  for (const [colorScheme, size] of looks) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" })
    await page.setViewportSize(size)
    const where = `${path}, ${colorScheme}, ${size.width} px`
    await seen(`${colorScheme}-${size.width}`)
    expect([where, ...await violations(page)]).toEqual([where])
    const overflow = await page.evaluate(() =>
      document.documentElement.scrollWidth - document.documentElement.clientWidth
    )
    expect([where, overflow]).toEqual([where, 0])
  }
}

const violations = async (page: Page): Promise<ReadonlyArray<string>> => {
  // Over the debugging protocol: the page's policy would refuse the script.
  const session = await page.context().newCDPSession(page)
  await session.send("Runtime.evaluate", { expression: axe })
  const { result } = await session.send("Runtime.evaluate", {
    expression: "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => " +
      "`${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 200)).join(', ')}`))",
    awaitPromise: true,
    returnByValue: true,
  })
  await session.detach()
  return result.value
}
