/** A checkout on Windows: files that containers and checksums use unchanged have LF there, too. */
import { execFileSync, spawnSync } from "node:child_process"
import {
  copyFileSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { describe, expect, it } from "vitest"

const root = join(import.meta.dirname, "..")
const withoutGit = spawnSync("git", ["--version"]).status !== 0

const files = globSync("{compose,k3d,services,shared,tests}/**/*.{sh,sql,conf,yaml}", { cwd: root })

describe("a file that is used unchanged", () => {
  it("has no CR", () => {
    expect(files).toEqual(
      expect.arrayContaining([
        "compose/postgres/databases.sh",
        "compose/ready.sh",
        "k3d/base/databases.sh",
        "services/orders/migrations/0001_orders.sql",
      ]),
    )
    expect(files.filter((file) => readFileSync(join(root, file), "utf8").includes("\r"))).toEqual(
      [],
    )
  })

  it.skipIf(withoutGit)("has none either if git is told to check out CRLF (needs git)", () => {
    const folder = mkdtempSync(join(tmpdir(), "unwind-test-line-ends-"))
    const git = (...args: ReadonlyArray<string>) =>
      execFileSync("git", ["-c", "core.autocrlf=true", ...args], { cwd: folder, stdio: "pipe" })
    try {
      git("init", "--quiet")
      for (const file of [".gitattributes", ...files]) {
        mkdirSync(dirname(join(folder, file)), { recursive: true })
        copyFileSync(join(root, file), join(folder, file))
      }
      // As an editor on Windows may have saved it.
      const script = join(folder, "compose/ready.sh")
      writeFileSync(script, readFileSync(script, "utf8").replaceAll("\n", "\r\n"))
      git("add", "--all")
      for (const file of files) rmSync(join(folder, file))
      git("checkout-index", "--all", "--force")
      const wrong = files.filter((file) => readFileSync(join(folder, file), "utf8").includes("\r"))
      expect(wrong).toEqual([])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
