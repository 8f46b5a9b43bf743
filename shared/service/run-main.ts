/**
 * The edge of a process. SIGTERM and Ctrl-C close everything in order; a second one, or ten seconds, end the process at
 * once, which loses nothing. A failure to start is one message and exit code 1, never a stack.
 */
import { Cause, Effect, Exit, Fiber, Option } from "effect"

const graceMs = 10_000

/** Runs the program until it ends or is told to stop, then exits the process. */
export const runMain = (program: Effect.Effect<unknown, { readonly message: string }>): void => {
  const fiber = Effect.runFork(program)
  const stop = () => {
    process.on("SIGINT", () => process.exit(130))
    setTimeout(() => process.exit(1), graceMs).unref()
    Effect.runFork(Fiber.interrupt(fiber))
  }
  process.once("SIGINT", stop)
  process.once("SIGTERM", stop)
  fiber.addObserver((exit) => {
    if (Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)) return process.exit(0)
    const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
    console.error(error === undefined ? Cause.pretty(exit.cause) : error.message)
    process.exit(1)
  })
}
