/**
 * The catalogue of problems, checked against the sources: it has every problem that can be
 * answered, and no other.
 */
import { assert, describe, it } from "@effect/vitest"
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { docsApp } from "#shared/http/docs.ts"
import { Problem, problemResponse } from "#shared/http/problem.ts"
import { catalogue } from "#shared/http/problem-codes.ts"

const root = join(import.meta.dirname, "../../..")

interface Site {
  readonly file: string
  readonly code: string
  /** Null if it is a variable. */
  readonly status: number | null
}

/** The places in the sources that make a problem: its code, after or before its status. */
const sites: ReadonlyArray<Site> = [
  ...globSync(["shared/**/*.ts", "services/**/*.ts", "compose/embedded/*.ts"], { cwd: root })
    // The page has problems of its own, which no service answers with.
    .filter((file) => !file.startsWith(join("services", "console", "page")))
    .flatMap((file) => {
      const text = readFileSync(join(root, file), "utf8")
      const site = /\{\s*status(?:: (?<status>\d+))?,\s+code: (?:"(?<code>\w+)"|(?<name>\w+Code))/g
      return [...text.matchAll(site)].map(({ groups }) => ({
        file,
        code: groups!["code"] ??
          new RegExp(`const ${groups!["name"]} = "(\\w+)"`).exec(text)![1]!,
        status: groups!["status"] === undefined ? null : Number(groups!["status"]),
      }))
    }),
  ...[
    ...readFileSync(join(root, "compose/gateway/nginx.conf"), "utf8")
      .matchAll(/return (?<status>\d+) '.*"code":"(?<code>\w+)"/g),
  ].map(({ groups }) => ({
    file: "compose/gateway/nginx.conf",
    code: groups!["code"]!,
    status: Number(groups!["status"]),
  })),
]

describe("the catalogue of problems", () => {
  it("has each code that a service or the gateway answers with, with its status", () => {
    assert.isAbove(sites.length, 50)
    const wrong = sites.filter(({ code, status }) => {
      const entry = catalogue.find((entry) => entry.code === code)
      return entry === undefined || (status !== null && !entry.statuses.includes(status))
    })
    assert.deepStrictEqual(wrong, [])
  })

  it("has no code that no service answers with", () => {
    const answered = new Set(sites.map(({ code }) => code))
    assert.deepStrictEqual(catalogue.filter(({ code }) => !answered.has(code)), [])
  })

  it("is in alphabetical order", () => {
    const codes = catalogue.map(({ code }) => code)
    assert.deepStrictEqual(codes, codes.toSorted())
  })

  it("is the page that a problem's type leads to, with no other host in it", async () => {
    const problem = new Problem({ status: 404, code: "order_not_found", detail: "" })
    const { type } = await problemResponse(problem, "1").json() as { type: string }
    const url = new URL(type, "http://gateway")
    const answer = await docsApp([]).request(url.pathname)
    assert.match(answer.headers.get("content-security-policy")!, /default-src 'self'/)
    const page = await answer.text()
    const { cause, remedy } = catalogue.find(({ code }) => code === problem.code)!
    assert.include(page, `id="${url.hash.slice(1)}"`)
    for (const text of [cause, remedy]) {
      assert.include(page, text.replaceAll(/`([^`]*)`/g, "<code>$1</code>"))
    }
  })
})
