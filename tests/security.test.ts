/**
 * Operators act by SECURITY.md, so its names are compared with the sources, and its commands are
 * run: for Kubernetes here, for processes in tests/e2e/rotation.test.ts, for Compose in
 * tests/e2e/compose-rotation.ts.
 */
import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { describe, expect, it } from "vitest"
import { kinds } from "#compose/secrets/renew.ts"
import { callees, callers, withCounters, withDatabase, withQueue } from "#shared/roster.ts"
import { commandsIn } from "#tests/e2e/documented-commands.ts"
import { makeSecrets, type Secret } from "../k3d/secrets.ts"

const root = join(import.meta.dirname, "..")
const document = readFileSync(join(root, "SECURITY.md"), "utf8")

/** Runs a command of the document with a kubectl that prints its input instead of sending it. */
const given = (command: string): ReadonlyArray<Secret> => {
  const folder = mkdtempSync(join(tmpdir(), "unwind-kubectl-"))
  try {
    writeFileSync(join(folder, "kubectl"), "#!/bin/sh\nexec cat\n", { mode: 0o755 })
    const { status, stdout, stderr } = spawnSync("bash", ["-c", `set -o pipefail; ${command}`], {
      cwd: root,
      encoding: "utf8",
      env: {
        ...process.env,
        PATH: [folder, join(root, "node_modules/.bin"), process.env["PATH"]].join(delimiter),
      },
    })
    expect([status, stderr]).toEqual([0, ""])
    return JSON.parse(stdout).items
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe("SECURITY.md", () => {
  it("links only to files that exist", () => {
    const links = [...document.matchAll(/\]\(([^)#:]+)\)/g)].map(([, link]) => link!)
    expect(links.length).toBeGreaterThan(1)
    expect(links.filter((link) => !existsSync(join(root, link)))).toEqual([])
  })

  it("names no e-mail address or URL for reports, because none exists", () => {
    expect(document).not.toMatch(/@[\w-]+\.|mailto:|https?:/)
  })

  it("restarts every container in Compose that has the changed secret, and no other", () => {
    const users: Readonly<Record<string, ReadonlyArray<string>>> = {
      keys: [...new Set([...callers, ...callees])],
      databases: withDatabase,
      redis: ["redis", ...withQueue, ...withCounters],
    }
    const commands = Object.values(commandsIn("SECURITY.md", /^docker compose [a-z]/)).flat()
    const renewed = commands.flatMap((command) => / --renew (\w+)$/.exec(command)?.[1] ?? [])
    // The front of Upstash is only for trying a driver.
    expect(renewed.toSorted()).toEqual(kinds.filter((kind) => kind !== "upstash").toSorted())
    const restarts = commands.flatMap((command) =>
      / restart (.*)$/.exec(command)?.[1]?.split(" ").toSorted().join(" ") ?? []
    )
    expect(restarts).toEqual(renewed.map((kind) => users[kind]!.toSorted().join(" ")))
  })

  it("replaces all Secrets of Kubernetes with new ones of the same shape", async () => {
    const shapes = (secrets: ReadonlyArray<Secret>) =>
      secrets.map(({ type, metadata, stringData }) => [
        metadata,
        type,
        Object.keys(stringData).sort(),
      ])
    const commands = Object.values(commandsIn("SECURITY.md", "node k3d/")).flat()
    expect(commands.every((command) => command.includes("| kubectl --namespace unwind replace ")))
      .toBe(true)
    const replaced = commands.flatMap(given)
    // Auth would not start with a new signing-keys secret that cannot decrypt its keys:
    // docs/keys.md says how to change it.
    const made = (await makeSecrets()).filter(({ metadata }) => metadata.name !== "signing-keys")
    const byName = (one: Secret, other: Secret) => one.metadata.name < other.metadata.name ? -1 : 1
    expect(shapes(replaced.toSorted(byName))).toEqual(shapes(made.toSorted(byName)))
  })

  it("prints nothing for an unknown Secret", () => {
    const { status, stdout, stderr } = spawnSync(
      join(root, "node_modules/.bin/node"),
      ["k3d/print-secrets.ts", "redis", "nobody"],
      { cwd: root, encoding: "utf8" },
    )
    expect([status, stdout]).toEqual([2, ""])
    expect(stderr).toMatch(
      /^There is no "nobody", but .*signing-keys: see node k3d\/print-secrets\.ts --help\n$/,
    )
  })
})
