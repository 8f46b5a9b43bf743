/**
 * Runs a command in a terminal: data goes to standard output and everything else to standard error,
 * it ends with an exit code, and every error is a message, never a stack.
 */
import { Cause, Console, Effect, Logger, Option, References } from "effect"
import { runMain } from "#shared/service/run-main.ts"
import type { Options, Syntax } from "./syntax.ts"
import { understand, type Understood } from "./understand.ts"

/** The exit code of an invalid command line. */
const misusedCode = 2

/** Returns the exit code; 0 by default. */
export type Program = Effect.Effect<number | void, { readonly message: string }>

/** How a command ends after a failure, or when it is told to stop. */
export interface Ending {
  /** The prefix of a failure's message, and its exit code; by default no prefix, and 1. */
  readonly failure?: { readonly says?: string; readonly code: number }
  /** The exit code after a stop; by default 130 after Ctrl-C, and 143 after SIGTERM. */
  readonly interruptedCode?: number
}

export interface CommandLine<A> {
  readonly syntax: Syntax<Options, unknown>
  readonly understand: (args: ReadonlyArray<string>) => Understood<A>
  /** Executes a command line, including the help and refusals; returns the exit code. */
  readonly execute: (args: ReadonlyArray<string>) => Effect.Effect<number>
  /** Like `execute`, as this process, which ends with it. */
  readonly main: (args: ReadonlyArray<string>) => void
}

export const command = <O extends Options, A>(
  syntax: Syntax<O, A>,
  run: (options: A) => Program,
  ending: Ending = {},
): CommandLine<A> => {
  const execute = (args: ReadonlyArray<string>) =>
    Effect.suspend(() => {
      const understood = understand(syntax, args)
      return understood.task === "run"
        ? programOf(run(understood.options), ending)
        : answered(understood)
    })
  return {
    // Its `read` only ever gets its own options.
    syntax: syntax as unknown as Syntax<Options, unknown>,
    understand: (args) => understand(syntax, args),
    execute,
    main: (args) => runProcess(execute(args), ending.interruptedCode),
  }
}

/**
 * The options, for a program that is not an Effect. Undefined after the help or a refusal was
 * printed; the program then ends.
 */
export const optionsOf = <O extends Options, A>(
  syntax: Syntax<O, A>,
  args: ReadonlyArray<string>,
): { readonly given: A } | undefined => {
  const understood = understand(syntax, args)
  if (understood.task === "run") return { given: understood.options }
  process.exitCode = Effect.runSync(answered(understood))
  return undefined
}

/** Prints the help, or a refusal; returns the exit code. */
export const answered = (
  understood: Exclude<Understood<unknown>, { readonly task: "run" }>,
): Effect.Effect<number> =>
  understood.task === "help"
    ? Effect.as(Console.log(understood.text), 0)
    : Effect.as(Console.error(understood.message), misusedCode)

const programOf = (program: Program, { failure = { code: 1 } }: Ending): Effect.Effect<number> =>
  program.pipe(
    Effect.map((code) => code ?? 0),
    Effect.catchCause((cause) => {
      if (Cause.hasInterruptsOnly(cause)) return Effect.interrupt
      const message = Option.getOrUndefined(Cause.findErrorOption(cause))?.message
      return Effect.as(
        Console.error(`${failure.says ?? ""}${message ?? Cause.pretty(cause)}`),
        failure.code,
      )
    }),
    Effect.provide(Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)])),
    Effect.provideService(References.MinimumLogLevel, "Error"),
  )

/** Runs a program as this process. */
export const runProcess = (program: Effect.Effect<number>, stoppedCode?: number): void => {
  endWithReader()
  const whole = program.pipe(
    Effect.tap((code) => Effect.sync(() => process.exitCode = code)),
    // Flushed first: the process ends right after, and loses what a pipe has not taken.
    Effect.tap(taken(process.stdout)),
    Effect.tap(taken(process.stderr)),
  )
  runMain(whole, stoppedCode ?? "of the signal")
}

const taken = (stream: NodeJS.WriteStream) =>
  Effect.callback<void>((resume) => void stream.write("", () => resume(Effect.void)))

/** A reader that closes early (`| head`) is no failure. */
const endWithReader = (): void => {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error
    process.exit(0)
  })
}
