/** Runs one of the programs that customers use in a process of its own, and reports its end. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Program {
  readonly ended: Promise<Ended>
  /** Succeeds when the program has printed the text; fails if it ends without. */
  readonly prints: (text: string) => Promise<void>
  readonly interrupt: () => void
}

const file = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))

const run = (
  command: string,
  words: ReadonlyArray<string>,
  environment: Readonly<Record<string, string>> = {},
): Program => {
  const { NO_COLOR: _, E2E_BASE_URL: __, ...inherited } = process.env
  const child = spawn(command, words, {
    env: { ...inherited, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  })
  const output = { stdout: "", stderr: "" }
  child.stdout.setEncoding("utf8").on("data", (text) => output.stdout += text)
  child.stderr.setEncoding("utf8").on("data", (text) => output.stderr += text)
  const ended = once(child, "close").then(([code]: ReadonlyArray<number | null>) => ({
    code: code ?? null,
    ...output,
  }))
  const prints = async (text: string) => {
    while (!output.stdout.includes(text)) {
      const more = await Promise.race([once(child.stdout, "data"), ended])
      if (!Array.isArray(more)) throw new Error(`It ended without ${text}: ${JSON.stringify(more)}`)
    }
  }
  // Not by the handle: Deno would report the signal as the exit code, however the child handles it.
  return { ended, prints, interrupt: () => void process.kill(child.pid!, "SIGINT") }
}

const onDeno = process.versions["deno"] !== undefined

/** Runs the demo in the runtime of the tests. */
export const runDemo = (
  words: ReadonlyArray<string>,
  environment: Readonly<Record<string, string>> = {},
): Program =>
  run(
    process.execPath,
    [...(onDeno ? ["run", "-A"] : []), file("services/console/cli/main.ts"), "demo", ...words],
    {
      LANG: "C.UTF-8",
      LC_ALL: "C.UTF-8",
      ...environment,
    },
  )

/** Runs newman, which is made for Node: under Deno, with the Node that npm has installed. */
export const runNewman = (words: ReadonlyArray<string>): Program =>
  run(onDeno ? file("node_modules/.bin/node") : process.execPath, [
    file("node_modules/newman/bin/newman.js"),
    "run",
    file("tests/e2e/unwind.postman_collection.json"),
    ...words,
  ])
