/**
 * Runs a command of a person's terminal: its data goes to standard output and all else to standard error, it ends with an
 * exit code, and whatever goes wrong is a message and never a stack.
 */
import { Cause, Console, Effect, Logger, Option, References } from "effect"
import { runMain } from "#shared/service/run-main.ts"
import { type Options, type Syntax, understand, type Understood } from "./syntax.ts"

/** The exit code of a command line that is not understood. */
const misusedCode = 2
/** The exit code of a command that was ended by Ctrl-C. */
const interruptedCode = 130

/** Gives the exit code, which is 0 where it gives none. */
export type Program = Effect.Effect<number | void, { readonly message: string }>

/** How a command ends that does not end by itself. */
export interface Ending {
  /** What stands before the message of a failure, and the exit code of one: nothing, and 1, where it is not said. */
  readonly failure?: { readonly says?: string; readonly code: number }
  /** The exit code after Ctrl-C: 130 where it is not said. */
  readonly interruptedCode?: number
}

export interface Command<A> {
  readonly syntax: Syntax<Options, unknown>
  readonly understand: (args: ReadonlyArray<string>) => Understood<A>
  /** Does what the words ask for, the help and refusals included; gives the exit code. */
  readonly execute: (args: ReadonlyArray<string>) => Effect.Effect<number>
  /** The same, as this process, which ends with it. */
  readonly main: (args: ReadonlyArray<string>) => void
}

export const command = <O extends Options, A>(
  syntax: Syntax<O, A>,
  run: (options: A) => Program,
  ending: Ending = {},
): Command<A> => {
  const execute = (args: ReadonlyArray<string>) =>
    Effect.suspend(() => {
      const understood = understand(syntax, args)
      return understood.task === "run"
        ? programOf(run(understood.options), ending)
        : answered(understood)
    })
  return {
    // What is read by its own options alone is read.
    syntax: syntax as unknown as Syntax<Options, unknown>,
    understand: (args) => understand(syntax, args),
    execute,
    main: (args) => runProcess(execute(args), ending.interruptedCode ?? interruptedCode),
  }
}

/** What is asked for, of a program that is no Effect; none where the help or a refusal was the answer, and it ends. */
export const optionsOf = <O extends Options, A>(
  syntax: Syntax<O, A>,
  args: ReadonlyArray<string>,
): { readonly given: A } | undefined => {
  const understood = understand(syntax, args)
  if (understood.task === "run") return { given: understood.options }
  process.exitCode = Effect.runSync(answered(understood))
  return undefined
}

/** Prints the help, or a refusal; gives the exit code. */
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
export const runProcess = (program: Effect.Effect<number>, stoppedCode = interruptedCode): void => {
  endWithReader()
  const whole = program.pipe(
    Effect.tap((code) => Effect.sync(() => process.exitCode = code)),
    // The process ends right after, and what a pipe has not taken by then is lost.
    Effect.tap(taken(process.stdout)),
    Effect.tap(taken(process.stderr)),
  )
  runMain(whole, stoppedCode)
}

const taken = (stream: NodeJS.WriteStream) =>
  Effect.callback<void>((resume) => void stream.write("", () => resume(Effect.void)))

/** A reader that has seen enough (`| head`) is no failure. */
const endWithReader = (): void => {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error
    process.exit(0)
  })
}
