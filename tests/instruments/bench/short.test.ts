/**
 * The short form with few orders: it runs, checks the books and leaves nothing behind. Its speed
 * does not matter.
 */
import { execFile } from "node:child_process"
import { mkdtempSync, readdirSync, rmdirSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { expect, it } from "vitest"
import { root, runtimeCommand } from "./stand/program.ts"

interface Printed {
  readonly rows: ReadonlyArray<{
    readonly name: string
    readonly runs: ReadonlyArray<{
      readonly orders: number
      readonly ratePerSecond: number
      readonly costs: { readonly commits: number }
    }>
  }>
}

it.skipIf(process.platform !== "linux")(
  "measures queue-to-decision and end-to-end, and their limits",
  async () => {
    const TMPDIR = mkdtempSync(join(tmpdir(), "unwind-short-bench-"))
    const [node, ...words] = runtimeCommand("node")
    const bench = ["tests/instruments/bench/main.ts", "--short", "--orders", "100", "--runs", "1"]
    const { stdout } = await promisify(execFile)(
      node,
      [...words, ...bench, "--json", "--allow-disturbed"],
      { cwd: root, env: { ...process.env, TMPDIR } },
    )
    const { rows } = JSON.parse(stdout) as Printed
    expect(rows.map(({ name }) => name.trim())).toEqual([
      "queue-to-decision",
      "limit: raw batches",
      "end-to-end",
      "limit: with intake",
    ])
    for (const { runs } of rows) {
      expect(runs).toMatchObject([{ orders: 100 }])
      expect(runs[0]?.ratePerSecond).toBeGreaterThan(0)
      expect(runs[0]?.costs.commits).toBeGreaterThan(0)
    }
    expect(readdirSync(TMPDIR)).toEqual([])
    rmdirSync(TMPDIR)
  },
)
