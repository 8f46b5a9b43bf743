/**
 * The pins of the images: made, moved and removed in a copy of this project, with a registry of the
 * test's own.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { Console, Effect } from "effect"
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Run } from "#compose/images/arguments.ts"
import {
  disagreements,
  mentionsOf,
  type Pins,
  readPins,
  referenceOf,
  writePins,
} from "#compose/images/images.ts"
import { perform } from "#compose/images/pinning.ts"
import { placeOf } from "#compose/images/registry.ts"
import { type ImageRegistry, startImageRegistry } from "#tests/support/image-registry.ts"

const root = join(import.meta.dirname, "../../..")
let registry: ImageRegistry
let copy: string
let digests: ReadonlyMap<string, string>
beforeAll(async () => {
  registry = await startImageRegistry()
})
afterAll(() => registry.close())
beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), "unwind-images-"))
  for (const part of ["compose.yaml", "compose", "k3d", "tests/e2e"]) {
    cpSync(join(root, part), join(copy, part), { recursive: true })
  }
  // Whatever the pins of the project are.
  writePins(copy, unpinned(readPins(copy)))
  registry.meddle = () => false
  digests = new Map(Object.keys(readPins(copy)).map((name) => [name, push(name)]))
  return () => rmSync(copy, { recursive: true })
})

const unpinned = (pins: Pins): Pins =>
  Object.fromEntries(Object.entries(pins).map(([name, { tag }]) => [name, { tag, digest: null }]))

const push = (name: string) => registry.push(placeOf(name).path, readPins(copy)[name]!.tag)

const edit = (file: string, change: (text: string) => string) =>
  writeFileSync(join(copy, file), change(readFileSync(join(copy, file), "utf8")))

/** What the command prints, and its failure. */
const run = async (task: Run["task"], ...names: ReadonlyArray<string>) => {
  const said: Array<string> = []
  const console = { ...globalThis.console, log: (text: string) => void said.push(text) }
  const failure = await perform({ task, names, registry: registry.url }, copy).pipe(
    Effect.match({ onSuccess: () => undefined, onFailure: ({ message }) => message }),
    Effect.provideService(Console.Console, console),
    Effect.runPromise,
  )
  return { said: said.join("\n"), failure }
}

const referencesIn = (folder: string) =>
  mentionsOf(folder).map(({ file, reference }) => `${file} ${reference}`)

describe("the images of this project", () => {
  it("are the images of images.json, wherever they are named", () => {
    expect(disagreements(root)).toEqual([])
    expect(mentionsOf(root).length).toBeGreaterThan(8)
  })

  it("are all found: bases of a Dockerfile, images of manifests and of tests", () => {
    const files = (name: string) => mentionsOf(root).filter((one) => one.name === name)
    expect(files("postgres").map(({ file }) => file)).toEqual([
      "compose/Dockerfile",
      "k3d/base/postgres.yaml",
    ])
    expect(files("node").map(({ file }) => file)).toEqual(Array(3).fill("compose/Dockerfile"))
    for (const name of ["rancher/k3s", "ghcr.io/cloudnative-pg/postgresql", "caddy"]) {
      expect(files(name)).toHaveLength(1)
    }
    expect(mentionsOf(root).filter(({ name }) => name.startsWith("unwind"))).toEqual([])
  })
})

const other = (digit: string) => digit === "0" ? "1" : "0"

describe("npm run images", () => {
  it("--pin writes the registry's digests everywhere, and --check accepts them", async () => {
    const before = referencesIn(copy)
    const { failure, said } = await run("pin")
    expect(failure).toBeUndefined()
    expect(said).toContain(
      "Changed: compose/images.json, compose/Dockerfile, k3d/base/postgres.yaml",
    )
    for (const [name, digest] of digests) {
      expect(readPins(copy)[name]?.digest).toBe(digest)
      const mentions = mentionsOf(copy).filter((one) => one.name === name)
      expect(mentions.length).toBeGreaterThan(0)
      for (const { reference } of mentions) {
        expect(reference).toBe(`${name}:${readPins(copy)[name]!.tag}@${digest}`)
      }
    }
    // The rest of each file is unchanged.
    expect(referencesIn(copy).map((one) => one.replace(/@sha256:.*/, ""))).toEqual(before)
    expect(await run("check")).toMatchObject({ failure: undefined })
    expect(await run("pin")).toMatchObject({ said: expect.stringMatching(/Nothing has changed$/) })
  })

  it("--unpin restores every file", async () => {
    const files = ["compose/images.json", "compose/Dockerfile", "k3d/cluster.yaml"]
    const text = () => files.map((file) => readFileSync(join(copy, file), "utf8"))
    const before = text()
    await run("pin")
    expect(text()).not.toEqual(before)
    await run("unpin")
    expect(text()).toEqual(before)
  })

  it("--check fails while an image is not pinned, and names it", async () => {
    await run("pin")
    await run("unpin", "redis")
    const { failure } = await run("check")
    expect(failure).toBe(
      "redis:8 is not pinned\nnpm run images -- --pin writes the registries' digests",
    )
  })

  it("--check fails when a tag has moved, and --pin of that image moves only its pin", async () => {
    await run("pin")
    const moved = push("postgres")
    push("nginx")
    const { failure } = await run("check")
    expect(failure).toContain(`postgres:18 has moved from ${digests.get("postgres")} to ${moved}`)
    expect(failure).toContain("nginx:1.30 has moved")
    await run("pin", "postgres")
    expect(readPins(copy)["postgres"]?.digest).toBe(moved)
    expect(readPins(copy)["nginx"]?.digest).toBe(digests.get("nginx"))
    expect((await run("check", "postgres")).failure).toBeUndefined()
    expect((await run("check")).failure).not.toContain("postgres")
  })

  it.each([
    ["another tag", (text: string) => text.replace("postgres:18", "postgres:17")],
    ["no digest", (text: string) => text.replace(/(postgres:18)@\S+/, "$1")],
    ["another digest", (text: string) => text.replace(/(?<=postgres:18@sha256:)./, other)],
    [
      "an unknown image",
      (text: string) => text.replace(/postgres:18/, "evil/postgres:18"),
    ],
  ])("--check fails when a file names %s", async (_what, change) => {
    await run("pin")
    edit("k3d/base/postgres.yaml", change)
    const { failure } = await run("check")
    expect(failure).toMatch(/^k3d\/base\/postgres\.yaml names \S+, /)
  })

  it("--check fails when no file names the image of a row of images.json", async () => {
    await run("pin")
    edit("compose/images.json", (text) => text.replace('"redis"', '"valkey/valkey"'))
    registry.push("valkey/valkey", "8")
    expect((await run("check")).failure).toContain(
      "compose/images.json has valkey/valkey, which no file names",
    )
  })

  it("--pin writes a changed tag of images.json into every file", async () => {
    edit("compose/images.json", (text) => text.replace('"tag": "18",', '"tag": "19",'))
    const digest = push("postgres")
    await run("pin")
    const references = mentionsOf(copy).filter(({ name }) => name === "postgres")
    expect(references.map(({ reference }) => reference)).toEqual(
      Array(2).fill(referenceOf({ name: "postgres", tag: "19", digest })),
    )
  })

  it("--pin changes nothing if the registry does not answer for one of the images", async () => {
    const before = referencesIn(copy)
    registry.meddle = ({ url = "" }, response) => {
      if (!url.includes("/library/redis/")) return false
      response.writeHead(503).end()
      return true
    }
    const { failure } = await run("pin")
    expect(failure).toMatch(/^redis:8 cannot be looked up: .* answers 503\nNothing was changed$/)
    expect(referencesIn(copy)).toEqual(before)
  })
})
