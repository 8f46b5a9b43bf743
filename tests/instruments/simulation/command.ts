/** Runs the command in a process of its own, on either runtime. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Command {
  readonly ended: Promise<Ended>
  /** Succeeds when it has printed something; fails when it ends without. */
  readonly printed: Promise<void>
  readonly interrupt: () => void
  /** Closes the reading end of what it prints. */
  readonly readNoMore: () => void
}

const root = fileURLToPath(new URL("../../..", import.meta.url))
const runtimes = {
  node: ["node_modules/.bin/node"],
  deno: ["node_modules/.bin/deno", "run", "-A"],
} as const

/** The runtime that the tests themselves are on. */
export const ownRuntime = process.versions["deno"] === undefined ? "node" : "deno"

export const runCommand = (
  words: ReadonlyArray<string>,
  runtime: keyof typeof runtimes = ownRuntime,
): Command => {
  const [program, ...options] = runtimes[runtime]
  const child = spawn(program, [...options, "tests/instruments/simulation/main.ts", ...words], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  })
  let stdout = ""
  let stderr = ""
  child.stdout.setEncoding("utf8").on("data", (text) => stdout += text)
  child.stderr.setEncoding("utf8").on("data", (text) => stderr += text)
  const ended = once(child, "close").then(([code]: ReadonlyArray<number | null>) => ({
    code: code ?? null,
    stdout,
    stderr,
  }))
  const printed = Promise.race([
    once(child.stdout, "data").then(() => {}),
    ended.then(({ stderr }) => {
      if (stdout === "") throw new Error(`It ended and printed nothing: ${stderr}`)
    }),
  ])
  printed.catch(() => {})
  return {
    ended,
    printed,
    // Past the handle: Deno would tell the signal for the exit code, however the child takes it.
    interrupt: () => void process.kill(child.pid!, "SIGINT"),
    readNoMore: () => child.stdout.destroy(),
  }
}
