/**
 * The machine that the figures are from, with a probe of its disk: without these, figures mean
 * nothing.
 */
import { execFileSync } from "node:child_process"
import { closeSync, fdatasyncSync, openSync, readFileSync, writeSync } from "node:fs"
import { availableParallelism, cpus, release, totalmem } from "node:os"
import { join } from "node:path"
import type { Runtime } from "#tests/support/separate-services.ts"
import { spread } from "./row.ts"
import type { Databases } from "./stand/databases.ts"
import { runtimeCommand } from "./stand/program.ts"

export interface Machine {
  readonly processors: string
  readonly memoryGiB: number
  readonly system: string
  readonly runtime: string
  readonly postgres: string
  /** How long the disk takes to sync a page. */
  readonly syncMs: number
}

const probes = 100

export const describeMachine = async (
  folder: string,
  runtime: Runtime,
  { orders }: Databases,
): Promise<Machine> => {
  const [row] = await orders<
    [{ version: string }]
  >`select current_setting('server_version') as version`
  return {
    processors: `${availableParallelism()} x ${cpus()[0]?.model.trim() ?? "unknown"}`,
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    system: `${distribution()}, Linux ${release()}`,
    runtime: versionOf(runtime),
    postgres: `PostgreSQL ${row.version}`,
    syncMs: syncMs(folder),
  }
}

export const machineText = (machine: Machine): string => {
  const { processors, memoryGiB, system, runtime, postgres, syncMs } = machine
  return `${processors}, ${memoryGiB} GiB, ${system}; ${runtime}, ${postgres}, ` +
    `a sync takes ${syncMs.toFixed(2)} ms`
}

const versionOf = (runtime: Runtime): string => {
  const [program] = runtimeCommand(runtime)
  const text = execFileSync(program, ["--version"], { encoding: "utf8" })
  return `${runtime === "deno" ? "Deno" : "Node"} ${/\d+(\.\d+)+/.exec(text)?.[0] ?? ""}`
}

const distribution = (): string => {
  try {
    return /^PRETTY_NAME="(.*)"$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "Linux"
  } catch {
    return "Linux"
  }
}

const syncMs = (folder: string): number => {
  const file = openSync(join(folder, "probe"), "w")
  const page = Buffer.alloc(8192, 1)
  const times = Array.from({ length: probes }, (_, n) => {
    const sinceMs = performance.now()
    writeSync(file, page, 0, page.length, n * page.length)
    fdatasyncSync(file)
    return performance.now() - sinceMs
  })
  closeSync(file)
  return spread(times).median
}
