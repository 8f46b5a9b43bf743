/** Runs commands in this process, against a whole system behind a real port. */
import { Console, Effect, Exit, Fiber, type Scope } from "effect"
import { gateway } from "#compose/embedded/gateway.ts"
import { commands } from "#services/console/cli/commands.ts"
import { Environment } from "#shared/config/settings.ts"
import { listen } from "#shared/http/listen.ts"
import { type RunningConsole, startConsole } from "../running-console.ts"

type Variables = Readonly<Record<string, string>>

export interface Ended {
  readonly code: number
  readonly lines: ReadonlyArray<string>
  readonly errors: ReadonlyArray<string>
}

export interface Started {
  /** What the command has printed so far. */
  readonly lines: ReadonlyArray<string>
  readonly errors: ReadonlyArray<string>
  readonly ended: Promise<Ended>
  /** Interrupts the command as Ctrl-C does, and returns all that it printed. */
  readonly interrupt: () => Promise<Pick<Ended, "lines" | "errors">>
}

export interface RunningCli {
  readonly system: RunningConsole
  readonly baseUrl: string
  /** Starts a command as Olga, unless the environment names another user. */
  readonly start: (args: ReadonlyArray<string>, environment?: Variables) => Promise<Started>
  readonly run: (args: ReadonlyArray<string>, environment?: Variables) => Promise<Ended>
  /** The data that a command prints with `--json`. */
  // deno-lint-ignore no-explicit-any
  readonly data: (...args: ReadonlyArray<string>) => Promise<ReadonlyArray<any>>
}

/** A console that records what is printed, by stream. */
const recorder = () => {
  const [lines, errors]: [Array<string>, Array<string>] = [[], []]
  const into = (all: Array<string>) => (text: unknown) => void all.push(...`${text}`.split("\n"))
  const recording = { ...globalThis.console, log: into(lines), error: into(errors) }
  return { lines, errors, console: recording as Console.Console }
}

/** Starts a command in this process. */
export const startCommand = async (
  [name = "", ...args]: ReadonlyArray<string>,
  environment: Variables,
): Promise<Started> => {
  const { execute } = await commands[name]!.load()
  const { console, lines, errors } = recorder()
  const fiber = execute(args).pipe(
    Effect.provideService(Console.Console, console),
    Effect.provideService(Environment, environment),
    Effect.runFork,
  )
  const exit = Effect.runPromise(Fiber.await(fiber))
  const ended = exit.then((exit) => {
    if (Exit.isSuccess(exit)) return { code: exit.value, lines, errors }
    throw new Error(`The command did not exit by itself: ${errors.join("\n")}`)
  })
  // A test that interrupts the command does not await its end.
  ended.catch(() => {})
  return {
    lines,
    errors,
    ended,
    interrupt: async () => {
      await Effect.runPromise(Fiber.interrupt(fiber))
      return { lines, errors }
    },
  }
}

export const startCli: Effect.Effect<RunningCli, unknown, Scope.Scope> = Effect.gen(function* () {
  const system = yield* startConsole
  const port = yield* listen(gateway(system.apps), { host: "127.0.0.1", port: 0 })
  const baseUrl = `http://127.0.0.1:${port}`
  const start = (args: ReadonlyArray<string>, environment: Variables = {}) =>
    startCommand(args, {
      UNWIND_URL: baseUrl,
      UNWIND_TOKEN: system.olga.access,
      ...environment,
    })
  const run = async (args: ReadonlyArray<string>, environment?: Variables) =>
    await (await start(args, environment)).ended
  return {
    system,
    baseUrl,
    start,
    run,
    data: async (...args) => (await run([...args, "--json"])).lines.map((line) => JSON.parse(line)),
  }
})
