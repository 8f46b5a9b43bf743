/** `deno task start` with a Deno of one's own: it runs, or says in one sentence what is missing. */
import { spawnSync } from "node:child_process"
import { copyFileSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it } from "vitest"

const root = join(import.meta.dirname, "../..")

it("`deno task start` says in one sentence that packages are missing, and how to get them", () => {
  const folder = mkdtempSync(join(tmpdir(), "unwind-deno-task-"))
  try {
    for (const file of ["deno.json", "package.json"]) {
      copyFileSync(join(root, file), join(folder, file))
    }
    const { status, stdout, stderr } = spawnSync(
      join(root, "node_modules/.bin/deno"),
      ["task", "--quiet", "start"],
      { cwd: folder, encoding: "utf8", env: { PATH: "/usr/bin:/bin", NO_COLOR: "1" } },
    )
    // Deno prints which task it runs.
    const said = `${stdout}${stderr}`.trim().split("\n").filter((line) => !line.startsWith("Task "))
    expect(said).toEqual(["Packages are not installed: run `deno install` (or `npm ci`)."])
    expect(status).toBe(1)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
