/**
 * The embedded run as a process of its own, as `npm start` starts it, for tests that kill it or
 * read its output.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { plentyOfOrders } from "./plenty-of-orders.ts"

const root = join(import.meta.dirname, "../..")

export interface EmbeddedProcess {
  readonly baseUrl: string
  /** The URL of health and metrics. */
  readonly internalUrl: string
  readonly pid: number
  /** Everything that it has printed so far. */
  readonly output: () => string
  /** Sends the signal and waits for the end; resolves with the exit code, null after kill -9. */
  readonly end: (signal: NodeJS.Signals) => Promise<number | null>
}

export type Environment = Readonly<Record<string, string>>

const launch = (environment: Environment, folder: string) => {
  const command = "Deno" in globalThis
    ? ["run", "-A", "compose/embedded/main.ts"]
    : ["compose/embedded/main.ts"]
  const child = spawn(process.execPath, command, {
    cwd: folder,
    env: { ...process.env, NO_COLOR: "1", INTERNAL_PORT: "0", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  })
  let output = ""
  const collect = (chunk: Buffer) => void (output += chunk.toString())
  child.stdout.on("data", collect)
  child.stderr.on("data", collect)
  return { child, output: () => output, ended: once(child, "close") as Promise<[number | null]> }
}

/**
 * Runs it until it ends by itself, from these sources or a copy of them; for starts that must fail.
 */
export const runEmbedded = async (
  environment: Environment,
  folder = root,
): Promise<{ readonly code: number | null; readonly output: string }> => {
  const { output, ended } = launch(environment, folder)
  const [code] = await ended
  return { code, output: output() }
}

/** Starts it on free ports, from these sources or a copy of them, and resolves when it is up. */
export const startEmbedded = async (
  environment: Environment,
  folder = root,
): Promise<EmbeddedProcess> => {
  const { child, output, ended } = launch({ PORT: "0", ...plentyOfOrders, ...environment }, folder)
  const up = new Promise<Pick<EmbeddedProcess, "baseUrl" | "internalUrl">>((resolve) => {
    child.stdout.on("data", () => {
      const baseUrl = /API\s+(http:\S+)\/docs/.exec(output())?.[1]
      const internalUrl = /Metrics\s+(http:\S+)\/metrics/.exec(output())?.[1]
      if (baseUrl && internalUrl && output().includes("Ctrl-C stops it")) {
        resolve({ baseUrl, internalUrl })
      }
    })
  })
  const failed = ended.then(([code]) => {
    throw new Error(`The embedded run ended with ${code}:\n${output()}`)
  })
  failed.catch(() => {})
  return {
    ...(await Promise.race([up, failed])),
    pid: child.pid!,
    output,
    end: async (signal) => {
      // Not by the handle: Deno would report the signal as the exit code, however the child handles
      // it.
      if (child.exitCode === null && child.signalCode === null) process.kill(child.pid!, signal)
      const [code] = await ended
      return code
    },
  }
}

/** The URL of its PostgreSQL as the superuser, from the files in its data folder. */
export const postgresOf = (dataDir: string): string => {
  const port = readFileSync(join(dataDir, "postgres/postmaster.pid"), "utf8").split("\n")[3]
  const password = readFileSync(join(dataDir, "secrets/postgres-password"), "utf8").trim()
  return `postgres://postgres:${password}@127.0.0.1:${port}/postgres`
}
