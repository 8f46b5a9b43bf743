/**
 * Runs the programs that make the cluster: k3d, kubectl, docker and node, from the project's root.
 * Their output is shown at once; a program that fails ends the script with one message.
 */
import { spawn } from "node:child_process"
import { join } from "node:path"
import { Effect, Schema } from "effect"

/** A step failed; the message says which, and what to do. */
export class StepError extends Schema.TaggedError<StepError>()("StepError", {
  message: Schema.String,
}) {}

export type ShellCommand = readonly [program: string, ...parameters: ReadonlyArray<string>]

/** For runMain a Ctrl-C is a success; an interrupted script is a failure. */
export const unfinishedWhenStopped = Effect.onInterrupt(() =>
  Effect.sync(() => process.once("exit", () => process.exitCode = 130))
)

const root = join(import.meta.dirname!, "..")

/**
 * Runs a command with its output on the terminal. Fails with StepError, which ends with the remedy.
 */
export const run = (command: ShellCommand, remedy: string, input?: string) =>
  Effect.asVoid(execute(command, remedy, { shown: true, input }))

/**
 * Runs a command and returns its output, trimmed. Fails with StepError, which ends with the remedy.
 */
export const read = (command: ShellCommand, remedy: string) =>
  execute(command, remedy, { shown: false, input: undefined })

const execute = (
  [program, ...parameters]: ShellCommand,
  remedy: string,
  { shown, input }: { readonly shown: boolean; readonly input: string | undefined },
): Effect.Effect<string, StepError> =>
  Effect.callback((resume) => {
    const output = shown ? "inherit" : "pipe"
    const child = spawn(program, parameters, { cwd: root, stdio: ["pipe", output, output] })
    let printed = ""
    let complaint = ""
    child.stdout?.on("data", (chunk) => printed += chunk)
    child.stderr?.on("data", (chunk) => complaint += chunk)
    const fail = (why: string) => {
      const what = [program, ...parameters].join(" ")
      resume(new StepError({ message: `\`${what}\` failed (${why}): ${remedy}` }))
    }
    child.once("error", (error) => fail(error.message))
    child.once("close", (code) => {
      if (code === 0) resume(Effect.succeed(printed.trim()))
      else fail(complaint.trim().split("\n").at(-1) || `exit code ${code}`)
    })
    // A program that has ended reads no input; its exit code says why.
    child.stdin?.on("error", () => {}).end(input)
    return Effect.sync(() => child.kill())
  })
