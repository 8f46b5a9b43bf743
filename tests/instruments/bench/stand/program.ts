/** A program of the bench: a process that is ready when it is given, and that its scope stops. */
import { Effect, Schema, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { closeSync, openSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as wait } from "node:timers/promises"
import type { Guard } from "#tests/instruments/chaos/guard.ts"
import type { Runtime } from "#tests/support/separate-services.ts"

/** The project's root folder. */
export const root = join(import.meta.dirname, "../../../..")

/** The pinned runtime, with its words before the program. */
export const runtimeCommand = (runtime: Runtime): readonly [string, ...Array<string>] => [
  join(root, "node_modules/.bin", runtime),
  ...(runtime === "deno" ? ["run", "-A"] : []),
]

export interface ProgramOptions {
  readonly name: string
  readonly command: readonly [string, ...Array<string>]
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly logFile: string
  readonly guard: Guard
  /** Called repeatedly, with the program's output so far. */
  readonly isReady: (log: string) => boolean | Promise<boolean>
}

export interface Program {
  readonly name: string
  readonly pid: number
}

/** A program of the bench did not start. */
export class ProgramFailed extends Schema.TaggedError<ProgramFailed>()("ProgramFailed", {
  message: Schema.String,
}) {}

const readyWithinMs = 120_000
/** A little longer than a service takes at most. */
const stopWithinMs = 12_000

/** Starts the program and succeeds when it is ready. The scope stops it with SIGTERM. */
export const startProgram = (
  options: ProgramOptions,
): Effect.Effect<Program, ProgramFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const { name, guard, logFile } = options
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => launch(options)),
      (child) => Effect.promise(() => stop(child, guard)),
    )
    const { pid } = child
    if (pid === undefined) return yield* new ProgramFailed({ message: `${name} cannot be started` })
    yield* Effect.tryPromise({
      try: (signal) => untilReady(child, options, signal),
      catch: (error) =>
        new ProgramFailed({
          message: `${name} ${(error as Error).message}. Its last line: ${lastLine(logFile)}`,
        }),
    })
    return { name, pid }
  })

const launch = ({ command, environment, logFile, guard }: ProgramOptions): ChildProcess => {
  const log = openSync(logFile, "w")
  const [program, ...words] = command
  const child = spawn(program, words, {
    cwd: root,
    env: environment,
    // The terminal's Ctrl-C does not reach it: the bench stops its programs in order.
    detached: true,
    stdio: ["ignore", log, log],
  })
  closeSync(log)
  child.on("error", () => {})
  if (child.pid !== undefined) guard.watch(child.pid)
  return child
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess) =>
  exitCode !== null || signalCode !== null

const untilReady = async (
  child: ChildProcess,
  { isReady, logFile }: ProgramOptions,
  signal: AbortSignal,
) => {
  const giveUpAtMs = Date.now() + readyWithinMs
  while (!signal.aborted) {
    if (hasEnded(child)) throw new Error("ended")
    if (Date.now() > giveUpAtMs) throw new Error("does not become ready")
    if (await isReady(readFileSync(logFile, "utf8"))) return
    await wait(25)
  }
}

/** For `isReady`: whether the service at this port is ready. */
export const answersReady = async (port: number): Promise<boolean> => {
  const response = await fetch(`http://127.0.0.1:${port}/readyz`, {
    signal: AbortSignal.timeout(2_000),
  }).catch(() => undefined)
  await response?.arrayBuffer()
  return response?.status === 200
}

const stop = async (child: ChildProcess, guard: Guard) => {
  const { pid } = child
  if (pid === undefined) return
  if (!hasEnded(child)) {
    const ended = once(child, "exit")
    // Not by the handle: with it, Deno reports the signal as the exit, even if the child handles
    // it.
    process.kill(pid, "SIGTERM")
    await Promise.race([ended, wait(stopWithinMs, undefined, { ref: false })])
    if (!hasEnded(child)) process.kill(pid, "SIGKILL")
  }
  guard.forget(pid)
}

const lastLine = (logFile: string) => readFileSync(logFile, "utf8").trim().split("\n").at(-1) ?? ""
