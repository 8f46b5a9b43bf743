/**
 * The participant in Python as a process of its own, for tests that kill it; and the reason if it
 * cannot run here.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { until } from "./customer.ts"
import { patienceMs } from "./patience.ts"

export const participantFile = join(import.meta.dirname, "../../docs/examples/participant.py")

/** Debian's own Python has apt's packages; another one that is first on the PATH does not. */
const python = ["python3", "/usr/bin/python3"].find((program) =>
  spawnSync(program, ["-c", "import psycopg"], { stdio: "ignore" }).status === 0
)

const surroundings = { PATH: process.env["PATH"], PYTHONDONTWRITEBYTECODE: "1" }

/** Why it cannot run on this machine. */
export const whyNoPython = python === undefined
  ? "no Python with psycopg 3: apt install python3-psycopg"
  : undefined

export interface PythonParticipant {
  readonly url: string
  readonly output: () => string
  /** Sends the signal and waits for the end; resolves with the exit code, null after kill -9. */
  readonly end: (signal: NodeJS.Signals) => Promise<number | null>
  /** Starts it again, at the same port; resolves when it is ready. */
  readonly start: () => Promise<void>
}

export interface PythonOptions {
  readonly databaseUrl: string
  readonly publicKeys: string
  /** More settings. */
  readonly more?: Readonly<Record<string, string>>
}

/** Runs it until it ends by itself; for starts that must fail. */
export const runPython = (
  environment: Readonly<Record<string, string>>,
  words: ReadonlyArray<string> = [participantFile],
) => {
  const { status, stderr } = spawnSync(python!, words, {
    env: { ...surroundings, ...environment },
    encoding: "utf8",
  })
  return { code: status, errors: stderr }
}

/** Prepares it; `start` starts it. */
export const pythonParticipant = (
  port: number,
  { databaseUrl, publicKeys, more = {} }: PythonOptions,
): PythonParticipant => {
  const url = `http://127.0.0.1:${port}`
  let child: ChildProcess | undefined
  let output = ""
  return {
    url,
    output: () => output,
    end: async (signal) => {
      if (child === undefined) return null
      const ended = once(child, "close")
      process.kill(child.pid!, signal)
      child = undefined
      return (await ended)[0] as number | null
    },
    start: async () => {
      child = spawn(python!, [participantFile], {
        env: {
          ...surroundings,
          PORT: String(port),
          DATABASE_URL: databaseUrl,
          SERVICE_PUBLIC_KEYS: publicKeys,
          ...more,
        },
        stdio: ["ignore", "pipe", "pipe"],
      })
      for (const stream of [child.stdout!, child.stderr!]) {
        stream.on("data", (chunk: Buffer) => output += chunk.toString())
      }
      const started = child
      await until("the participant in Python is ready", patienceMs, async () => {
        if (started.exitCode !== null) throw new Error(`The participant ended:\n${output}`)
        return await fetch(`${url}/readyz`).then(({ ok }) => ok, () => false)
      })
    },
  }
}
