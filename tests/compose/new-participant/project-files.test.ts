/**
 * Edits in several files are written all together or not at all; and their assumptions are true.
 */
import { Effect } from "effect"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import postgres from "postgres"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { addedLines } from "#compose/new-participant/added-lines.ts"
import { plan } from "#compose/new-participant/plan.ts"
import { pluralOf } from "#compose/new-participant/participant.ts"
import { type Changed, writeAll } from "#compose/new-participant/project-files.ts"
import { sqlKeywords } from "#compose/new-participant/sql-keywords.ts"
import { createDatabase } from "#tests/support/postgres.ts"

const textOf = (file: string) => readFileSync(join(import.meta.dirname, "../../..", file), "utf8")

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "unwind-files-"))
  writeFileSync(join(folder, "old"), "before")
})
afterEach(() => rmSync(folder, { recursive: true }))

const changed = (file: string, before?: string): Changed => ({
  file,
  before,
  after: "after",
  what: [],
})

const messageOf = (all: ReadonlyArray<Changed>) =>
  Effect.runPromise(Effect.flip(writeAll(folder, all)).pipe(Effect.map(({ message }) => message)))

const asBefore = () => {
  expect(readdirSync(folder)).toEqual(["old"])
  expect(readFileSync(join(folder, "old"), "utf8")).toBe("before")
}

describe("files that are written together", () => {
  it("are all written, with their folders", async () => {
    await Effect.runPromise(
      writeAll(folder, [changed("old", "before"), changed("a/b/new"), changed("a/c")]),
    )
    for (const file of ["old", "a/b/new", "a/c"]) {
      expect(readFileSync(join(folder, file), "utf8")).toBe("after")
    }
  })

  it("stay unchanged if one of them is not writable", async () => {
    expect(await messageOf([changed("a/new"), changed("old/new")])).toBe(
      "Nothing is written:\n  old/new cannot be written to",
    )
    asBefore()
  })

  it("are restored if one of them fails half-way", async () => {
    // Only writing shows that a name is too long.
    const long = `b/${"n".repeat(300)}`
    const message = await messageOf([changed("a/new"), changed("old", "before"), changed(long)])
    expect(message).toMatch(/^Nothing is written:\n {2}.*ENAMETOOLONG/)
    asBefore()
  })
})

describe("the edits", () => {
  it("know every word that PostgreSQL does not accept as a name without quotes", async () => {
    const { url, drop } = await createDatabase("words")
    const sql = postgres(url, { max: 1 })
    const rows = await sql`
      select word from pg_get_keywords() where catcode in ('R', 'T', 'C') and word !~ '_'`
    await sql.end()
    await drop()
    expect([...sqlKeywords].toSorted()).toEqual(rows.map(({ word }) => word).toSorted())
  })

  it("keep names whole, whatever words of the example they contain", () => {
    const wanted = { name: "timeslots9085", resource: "timeslot" }
    const texts = plan(wanted).filter(({ file }) => file === ".env.example" || /roster/.test(file))
      .map(({ file, edit }) => addedLines(textOf(file), edit(textOf(file))).join("\n"))
    expect(texts.join("\n")).toMatch(
      /^ {2}timeslots9085: \{\n {4}port: null,\n {4}internalPort: \d/,
    )
    expect(texts.join("\n")).toMatch(
      /\n#TIMESLOTS9085_URL=http:\/\/timeslots9085:(?!9085)\d+\n# timeslots9085: the capacity of each timeslot\n#TIMESLOTS9085_CAPACITY=100$/,
    )
  })

  it("use the plurals of English words", () => {
    const words = ["district", "city", "day", "box", "branch", "bus", "wish"]
    expect(words.map(pluralOf)).toEqual([
      ...["districts", "cities", "days", "boxes", "branches", "buses", "wishes"],
    ])
  })

  it("show only what is new in a text", () => {
    expect(addedLines("a\nb\nc\n", "a\nx\nb\ny\nc\nz\n")).toEqual(["x", "y", "z"])
    expect(addedLines("a\nlist: [b]\nc", "a\nlist: [b, d]\nc")).toEqual(["list: [b, d]"])
  })
})
