/**
 * The commands of `docs/operate.md`, run as an operator runs them, before a whole system in this
 * process whose services a test can disturb. What was run is remembered, so that a test can tell
 * which commands none has run.
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

/** Its lines of shell, and its statements, in their order. */
const shell = Object.values(blocksIn(file, "sh")).flat().flatMap((block) => block.split("\n"))
const statements = Object.values(blocksIn(file, "sql")).flat()

export const everyCommand: ReadonlyArray<string> = [...shell, ...statements]

/** What the document can only give as an example, such as `$ORDER`, and what it is here. */
type Places = Readonly<Record<string, string>>

const filledIn = (text: string, places: Places): string =>
  Object.entries(places).reduce((text, [place, by]) => text.replaceAll(place, by), text)

const wordsOf = (command: string): ReadonlyArray<string> =>
  [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare!)

export interface Runbook {
  readonly system: RunningCli["system"]
  /** Where files and folders are that commands name. */
  readonly folder: string
  /** Runs a command of a shell that the document has, in that folder. */
  readonly inFolder: (command: string) => Promise<void>
  /** Runs a command that the document has, word for word, as the operator ada. */
  readonly run: (command: string, places?: Places) => Promise<Ended>
  /** The same, of one that ends by Ctrl-C, when it has printed so many lines. */
  readonly look: (command: string, lines: number) => Promise<ReadonlyArray<string>>
  /**
   * Sends statements that the document has to the database of a service; none of them holds when
   * one is refused.
   */
  readonly send: (statement: string, service: ServiceName, places?: Places) => Promise<void>
  /** What no test has run so far. */
  readonly left: () => ReadonlyArray<string>
}

/** The documented text that is so, or begins so. Throws when there is none. */
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
