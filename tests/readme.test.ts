/** Newcomers rely on the README, so its quotes and names are compared with the sources. */
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"

const root = join(import.meta.dirname, "..")
const read = (file: string) => readFileSync(join(root, file), "utf8")
const readme = read("README.md")

describe("README.md", () => {
  it("quotes the first row of the saga's table word for word", () => {
    const [row] = /^ {2}\{\n(?: {4}.*\n)+ {2}\},\n/m.exec(read("shared/contracts/order-saga.ts"))!
    expect(readme).toContain("```ts\n" + row.replaceAll(/^ {2}/gm, "") + "```")
  })

  it("names only scripts and tasks that exist", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> }
    const { tasks } = JSON.parse(read("deno.json")) as { tasks: Record<string, string> }
    const named = [...readme.matchAll(/npm (?:run )?(start|test|(?<=run )[a-z:0-9]+)/g)].map((
      [, name],
    ) => name)
    expect(named.length).toBeGreaterThan(3)
    expect(named.filter((name) => !(name! in scripts))).toEqual([])
    const namedTasks = [...readme.matchAll(/deno task ([a-z]+)/g)].map(([, name]) => name)
    expect(namedTasks.filter((name) => !(name! in tasks))).toEqual([])
  })

  it("links only to files that exist", () => {
    const links = [...readme.matchAll(/\]\(([^)#:]+)\)/g)].map(([, link]) => link!)
    expect(links.filter((link) => !existsSync(join(root, link)))).toEqual([])
  })

  it("names only settings that exist", () => {
    const settings = new Set(
      [...read(".env.example").matchAll(/^#([A-Z_]+)=/gm)].map(([, name]) => name),
    )
    const section = readme.slice(readme.indexOf("## Settings"), readme.indexOf("## Design"))
    const named = [...section.matchAll(/`([A-Z]+(?:_[A-Z]+)+|PORT|HOST)`/g)].map(([, name]) => name)
    expect(named.filter((name) => !settings.has(name))).toEqual([])
  })
})
