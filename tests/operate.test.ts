/**
 * The runbook is used in emergencies, when nobody checks it: everything that it names must exist.
 * Its commands for a shell and for databases are run by `tests/e2e/operate.test.ts`, those for
 * Compose by `tests/e2e/compose-runbook.ts` if there is an engine.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { parse } from "effect/encoding/Yaml"
import { describe, expect, it } from "vitest"
import { withDatabase } from "#shared/roster.ts"
import { blocksIn } from "./e2e/documented-commands.ts"
import { anchorOf, headingsIn } from "./support/markdown.ts"

const root = join(import.meta.dirname, "..")
const file = "docs/operate.md"
const read = (path: string) => readFileSync(join(root, path), "utf8")
const runbook = read(file)

const linesOf = (language: string) =>
  Object.values(blocksIn(file, language)).flat().flatMap((block) => block.split("\n"))
const compose = linesOf("compose")
const kubectl = linesOf("kubectl")

/** The distinct matches, sorted; at least one must exist, or the test would check nothing. */
const found = (text: string, pattern: RegExp): ReadonlyArray<string> => {
  const names = [...new Set([...text.matchAll(pattern)].map(([, name]) => name!))].sort()
  expect(names).not.toEqual([])
  return names
}

const anchorsIn = (path: string) => headingsIn(read(path)).map(anchorOf)

describe("docs/operate.md", () => {
  it("links only to files and headings that exist", () => {
    for (const [, path, anchor] of runbook.matchAll(/\]\(([^)#]*)(?:#([^)]*))?\)/g)) {
      const target = join("docs", path || "operate.md")
      expect(existsSync(join(root, target)), target).toBe(true)
      if (anchor !== undefined) expect(anchorsIn(target), target).toContain(anchor)
    }
  })

  it("has a place for every alert, and names no other", () => {
    const alerts = found(read("compose/observability/alerts.yaml"), /- alert: (\w+)/g)
    const [table = ""] = /^\| alert .*\n(?:\|.*\n)+/m.exec(runbook) ?? []
    expect(found(table, /`(\w+)`/g)).toEqual(alerts)
    for (const [, name] of runbook.matchAll(/alerts? `([A-Z]\w+)`/g)) expect(alerts).toContain(name)
  })

  it("names only pages that the console has", () => {
    const titles = found(read("services/console/page/frame.tsx"), /title: "([^"]+)"/g)
    expect(titles).toEqual(expect.arrayContaining([...found(runbook, /pages? _([^_]+)_/g)]))
  })

  it("names only settings that exist", () => {
    const settings = found(read(".env.example"), /^#([A-Z_]+)=/gm)
    const named = found(runbook, /\b([A-Z]+(?:_[A-Z]+)+)\b/g)
    // _FILE names a file with the setting's value; REDISCLI_AUTH is Redis's own.
    const own = ["REDISCLI_AUTH"]
    expect(
      named.map((name) => name.replace(/_FILE$/, ""))
        .filter((name) => !settings.includes(name) && !own.includes(name)),
    ).toEqual([])
  })

  it("quotes the messages of the sources", () => {
    const sources = ["services", "shared", "compose"].flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".ts")).map((name) => read(join(folder, name)))
    ).join("\n")
    for (
      const quote of [
        "Nothing is stuck.",
        "There are no dead letters.",
        "Orders wait to be published: ",
        "No orders can be taken: ",
        "The database cannot be used now (",
        "The orders service does not know this order",
        "this orchestrator does not know the step ",
        " answers again",
        "refused a command (",
        "Order timed out",
      ]
    ) {
      expect(sources).toContain(quote)
      expect(runbook).toContain(quote)
    }
  })
})

describe("the runbook's commands for Compose", () => {
  const { name, services, volumes } = parse(read("compose.yaml")) as unknown as {
    readonly name: string
    readonly services: Readonly<Record<string, unknown>>
    readonly volumes: Readonly<Record<string, unknown>>
  }

  it("name existing services, volumes and programs", () => {
    let checked = 0
    for (const line of compose.map((line) => line.trim())) {
      const volume = /^docker volume rm (\S+)$/.exec(line)?.[1]
      if (volume !== undefined) {
        expect(Object.keys(volumes).map((volume) => `${name}_${volume}`)).toContain(volume)
        continue
      }
      const [, verb, rest = ""] = /docker compose (\w+)(.*)$/.exec(line) ?? []
      if (verb === undefined) {
        expect(line).toMatch(/^(?:for name in [a-z ]+; do|done)$/)
        continue
      }
      const words = rest.replace(/ --(?:scale|tail) /, " ").split(" ")
        .filter((word) => /^[a-z]+(?:=\d+)?$/.test(word)).map((word) => word.split("=")[0]!)
      const named = verb === "exec" || verb === "run" ? words.slice(0, 1) : words
      expect(Object.keys(services), line).toEqual(expect.arrayContaining(named))
      checked += named.length
    }
    expect(checked).toBeGreaterThan(20)
  })

  it("run scripts that are in the images", () => {
    const scripts = found([...compose, ...kubectl].join("\n"), / (?:node|auth) (\S+\.ts)/g)
    for (const script of scripts) expect(existsSync(join(root, script)), script).toBe(true)
    expect(compose.join("\n")).toContain("bash /docker-entrypoint-initdb.d/databases.sh")
    expect(read("compose/Dockerfile")).toMatch(/databases\.sh \/docker-entrypoint-initdb\.d\//)
  })
})

describe("the runbook's commands for databases", () => {
  it("cover every database, and back up orders before the participants", () => {
    const loops = found([...compose, ...kubectl].join("\n"), /^for name in (.*); do$/gm)
    expect(loops).toHaveLength(1)
    const names = loops[0]!.split(" ")
    expect(names.toSorted()).toEqual([...withDatabase].sort())
    expect(names.slice(0, 2)).toEqual(["auth", "orders"])
  })
})

describe("the runbook's commands for Kubernetes", () => {
  const manifests = readdirSync(join(root, "k3d/base")).filter((name) => name.endsWith(".yaml"))
    .map((name) => read(join("k3d/base", name))).join("\n---\n")

  it("name existing workloads, containers and folders", () => {
    const text = kubectl.join("\n")
    for (const kind of ["Deployment", "StatefulSet"]) {
      const there = found(
        manifests,
        new RegExp(`^kind: ${kind}\\nmetadata:\\n(?:  .*\\n)*?  name: (\\w+)$`, "gm"),
      )
      const named = found(text, new RegExp(`\\b${kind.toLowerCase()}/(\\w+)`, "g"))
      expect(there).toEqual(expect.arrayContaining([...named]))
    }
    expect(found(text, /--namespace (\w+)/g)).toEqual(["unwind"])
    expect(found(text, /set image \S+ (\w+)=/g)).toEqual(["service"])
    expect(manifests).toMatch(/^ +- name: service$/m)
    for (const folder of found(text, /--kustomize (\S+)/g)) {
      expect(existsSync(join(root, folder, "kustomization.yaml"))).toBe(true)
    }
  })
})
