/** Runs the command in its own process, on either runtime. */
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
  /** Resolves when the command prints something; rejects if it ends without. */
  readonly printed: Promise<void>
  readonly interrupt: () => void
  /** Closes the reading end of its output. */
  readonly readNoMore: () => void
}

const root = fileURLToPath(new URL("../../..", import.meta.url))
const runtimes = {
  node: ["node_modules/.bin/node"],
  deno: ["node_modules/.bin/deno", "run", "-A"],
} as const

/** The runtime of the tests themselves. */
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
      if (stdout === "") throw new Error(`The command printed nothing: ${stderr}`)
    }),
  ])
  printed.catch(() => {})
  return {
    ended,
    printed,
    // Not by the handle: Deno would then report the signal instead of the child's exit code.
    interrupt: () => void process.kill(child.pid!, "SIGINT"),
    readNoMore: () => child.stdout.destroy(),
  }
}
