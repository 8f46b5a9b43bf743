/**
 * The glossary, compared with the sources: the names that it gives for the code exist, each once.
 */
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"

const root = join(import.meta.dirname, "..")

const named = [
  ...readFileSync(join(root, "docs/glossary.md"), "utf8").matchAll(/^\|.*\|([^|]*)\|$/gm),
]
  .flatMap(([, names]) => [...names!.matchAll(/`(\w+)`/g)].map(([, name]) => name!))

/** The files of the product that export each name; the console's page has its own names. */
const exporters = new Map<string, ReadonlyArray<string>>()
for (
  const file of globSync("{services,shared}/**/*.ts", {
    cwd: root,
    exclude: ["**/console/page/**"],
  })
) {
  const exported = readFileSync(join(root, file), "utf8")
    .matchAll(/^export (?:const|class|interface|type) (\w+)/gm)
  for (const name of new Set([...exported].map(([, name]) => name!))) {
    exporters.set(name, [...(exporters.get(name) ?? []), file])
  }
}

describe("docs/glossary.md", () => {
  it("gives names that exactly one file exports", () => {
    expect(named.length).toBeGreaterThan(40)
    const wrong = named.map((name) => [name, exporters.get(name) ?? []] as const)
      .filter(([, files]) => files.length !== 1)
    expect(wrong).toEqual([])
  })

  it("has each word once", () => {
    const words = [
      ...readFileSync(join(root, "docs/glossary.md"), "utf8").matchAll(/^\| (\w[\w ]*?) +\|/gm),
    ]
      .map(([, word]) => word!).filter((word) => word !== "word")
    expect(words.length).toBeGreaterThan(30)
    expect(words.filter((word, n) => words.indexOf(word) !== n)).toEqual([])
  })
})
