/** `npm run sbom`, as a person or a pipeline runs it. */
import { describe, expect, it } from "vitest"
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { sbomSyntax } from "#compose/sbom/arguments.ts"
import { understand } from "#shared/command/understand.ts"

const root = join(import.meta.dirname, "../../..")
const run = (...words: ReadonlyArray<string>) =>
  spawnSync(
    process.execPath,
    [
      ...(process.versions["deno"] === undefined ? [] : ["run", "-A"]),
      "compose/sbom/main.ts",
      ...words,
    ],
    { cwd: root, encoding: "utf8", maxBuffer: 2 ** 24 },
  )

describe("npm run sbom", () => {
  it("prints one whole document, however large, into a pipe", () => {
    const { status, stdout, stderr } = run("cyclonedx", "--dev")
    expect([status, stderr]).toEqual([0, ""])
    expect(stdout.length).toBeGreaterThan(2 ** 16)
    expect(JSON.parse(stdout)).toMatchObject({ bomFormat: "CycloneDX", specVersion: "1.6" })
    expect(JSON.parse(run("spdx").stdout)).toMatchObject({ spdxVersion: "SPDX-2.3" })
  })

  it("lists the licences, and reports by its exit code that all are allowed", () => {
    const { status, stdout, stderr } = run("licences", "--dev")
    expect([status, stderr]).toEqual([0, ""])
    expect(stdout).toMatch(/^MIT +effect@\S+$/m)
    expect(stdout).toMatch(/^MPL-2\.0 +lightningcss@\S+ +\(development\)$/m)
  })

  it.each([
    [["xml"]],
    [["spdx", "cyclonedx"]],
    [["--image"]],
    [["--image", "--rm"]],
    [["--image=--rm"]],
    [["licences", "--image", "unwind:dev"]],
    [["--dev", "--image", "unwind:dev"]],
    [["--all"]],
  ])("refuses %j in one line that names the help", (words) => {
    expect(understand(sbomSyntax, words)).toMatchObject({
      task: "refuse",
      message: expect.stringMatching(/^[^\n]+: see npm run --silent sbom -- --help$/),
    })
  })
})
