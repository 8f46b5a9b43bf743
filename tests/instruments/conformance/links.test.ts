/**
 * The kit and the protocol's page: each link leads to a heading, and each row of the table has a
 * check of its name.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "vitest"
import { anchorOf, headingsIn, tableIn } from "#tests/support/markdown.ts"
import { linkTo } from "./check.ts"
import { checks } from "./checks/all.ts"
import { firstContact } from "./contact.ts"

const root = join(import.meta.dirname, "../../..")
const page = readFileSync(join(root, "docs/protocol.md"), "utf8")

it("each link of the kit leads to a heading of the protocol's page", () => {
  const links = [firstContact, ...checks].map(linkTo)
  const headings = headingsIn(page).map((heading) => `docs/protocol.md#${anchorOf(heading)}`)
  expect([...new Set(links)].filter((link) => !headings.includes(link))).toEqual([])
})

it("each row of the protocol's table is tried by a check of its name", () => {
  const rows = tableIn(page, "Row").map(([row]) => row!.replaceAll("`", ""))
  expect(rows).toHaveLength(9)
  const names = checks.filter(({ at }) => at === "the-table").map(({ name }) => name)
  expect(rows.filter((row) => !names.includes(row))).toEqual([])
})

it("each check has a name of its own", () => {
  const names = checks.map(({ name }) => name)
  expect(names.filter((name, n) => names.indexOf(name) !== n)).toEqual([])
})
