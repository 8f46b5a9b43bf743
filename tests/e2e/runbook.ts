/**
 * The commands of `docs/operate.md`, run as an operator runs them, on a whole system in this
 * process whose services a test can disturb. The commands are recorded, so that a test can tell
 * which of them no test has run.
 */
import { execFile } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { Effect, type Scope } from "effect"
import type { ServiceName } from "#shared/roster.ts"
import {
  type Ended,
  type RunningCli,
  startCli,
  startCommand,
} from "#tests/services/console/cli/running-cli.ts"
import { blocksIn } from "./documented-commands.ts"

const root = join(import.meta.dirname, "../..")
const file = "docs/operate.md"

/** The document's lines of shell, and its SQL statements, in order. */
const shell = Object.values(blocksIn(file, "sh")).flat().flatMap((block) => block.split("\n"))
const statements = Object.values(blocksIn(file, "sql")).flat()

export const everyCommand: ReadonlyArray<string> = [...shell, ...statements]

/** What the document can only give as an example, such as `$ORDER`, and its value here. */
type Places = Readonly<Record<string, string>>

const filledIn = (text: string, places: Places): string =>
  Object.entries(places).reduce((text, [place, by]) => text.replaceAll(place, by), text)

const wordsOf = (command: string): ReadonlyArray<string> =>
  [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare!)

export interface Runbook {
  readonly system: RunningCli["system"]
  /** The folder of the files that commands name. */
  readonly folder: string
  /** Runs a shell command of the document in that folder. */
  readonly inFolder: (command: string) => Promise<void>
  /** Runs a command of the document, word for word, as the operator ada. */
  readonly run: (command: string, places?: Places) => Promise<Ended>
  /** The same for a command that Ctrl-C ends, once it has printed this many lines. */
  readonly look: (command: string, lines: number) => Promise<ReadonlyArray<string>>
  /** Sends statements of the document to a service's database, in one transaction. */
  readonly send: (statement: string, service: ServiceName, places?: Places) => Promise<void>
  /** The commands that no test has run so far. */
  readonly left: () => ReadonlyArray<string>
}

/** The documented text that is equal, or begins so. Throws if there is none. */
const documented = (all: ReadonlyArray<string>, wanted: string): string => {
  const found = all.find((text) => text === wanted) ??
    all.find((text) => text.startsWith(wanted))
  if (found === undefined) throw new Error(`${file} does not say: ${wanted}`)
  return found
}

export const startRunbook: Effect.Effect<Runbook, unknown, Scope.Scope> = Effect.gen(function* () {
  const { system, baseUrl } = yield* startCli
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "unwind-operate-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true })),
  )
  const ran = new Set<string>()
  const environment: Record<string, string> = { UNWIND_URL: baseUrl }
  const ada = { username: "ada", password: "correct horse battery", email: "ada@example.com" }
  yield* Effect.promise(() => signUp(baseUrl, ada))
  writeFileSync(join(folder, ".unwind-password"), ada.password)
  const databaseOfAuth = () => {
    const url = new URL(process.env["UNWIND_TEST_POSTGRES_URL"]!)
    url.pathname = String(system.sql("auth").options.database)
    return { DATABASE_URL: url.href }
  }

  /** `export NAME=value ...`, with files in the folder of the test. */
  const remember = (settings: ReadonlyArray<string>) => {
    for (const setting of settings) {
      const [name = "", value = ""] = setting.split("=")
      environment[name] = name.endsWith("_FILE") ? join(folder, value) : value
    }
    return { code: 0, lines: [], errors: [] }
  }
  const asProcess = async (args: ReadonlyArray<string>): Promise<Ended> => {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, {
      cwd: root,
      env: { ...process.env, ...databaseOfAuth() },
    })
    return { code: 0, lines: stdout.trim().split("\n"), errors: stderr.split("\n") }
  }
  const begin = (command: string, places: Places) => {
    const plain = command.replace(" --silent", "").replace(/ > .*/, "")
    const [npm, run, script, ...rest] = wordsOf(filledIn(plain, places))
    const args = rest[0] === "--" ? rest.slice(1) : rest
    if (npm === "npm" && run === "run" && script === "unwind") {
      return startCommand(args, environment)
    }
    if (script === "operators") return startCommand([script, ...args], databaseOfAuth())
    throw new Error(`No test knows how to run: ${command}`)
  }

  return {
    system,
    folder,
    inFolder: async (wanted) => {
      const command = documented(shell, wanted)
      ran.add(command)
      await promisify(execFile)("sh", ["-c", command], { cwd: folder })
    },
    run: async (wanted, places = {}) => {
      const command = documented(shell, wanted)
      ran.add(command)
      if (command.startsWith("export ")) return remember(wordsOf(command).slice(1))
      const [, trail] = /^npm run trail -- (.*)/.exec(command) ?? []
      if (trail !== undefined) return await asProcess(["compose/trail/main.ts", ...wordsOf(trail)])
      return await (await begin(command, places)).ended
    },
    look: async (wanted, count) => {
      const command = documented(shell, wanted)
      ran.add(command)
      const started = await begin(command, {})
      while (started.lines.length < count) await new Promise((next) => setTimeout(next, 50))
      return (await started.interrupt()).lines
    },
    send: async (wanted, service, places = {}) => {
      const statement = documented(statements, wanted)
      ran.add(statement)
      const session = await system.sql(service).reserve()
      try {
        await session.unsafe(filledIn(statement, places))
      } catch (error) {
        await session`rollback`
        throw error
      } finally {
        session.release()
      }
    },
    left: () => everyCommand.filter((command) => !ran.has(command)),
  }
})

const signUp = async (baseUrl: string, user: object) => {
  const answer = await fetch(`${baseUrl}/api/auth/users/`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(user),
  })
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
}
