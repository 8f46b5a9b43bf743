/**
 * The edge of a process. SIGTERM and Ctrl-C close everything in order; a second one, or ten seconds, end the process at
 * once, which loses nothing. A failure to start is one message and exit code 1, never a stack.
 */
import { Cause, Effect, Exit, Fiber, Option } from "effect"

const graceMs = 10_000

/**
 * Runs the program until it ends or is told to stop, then exits the process: with 0, or the exit code that it has set, when
 * it succeeded, and for a server also when it was told to stop.
 */
export const runMain = (
  program: Effect.Effect<unknown, { readonly message: string }>,
  stoppedCode = 0,
): void => {
  const fiber = Effect.runFork(program)
  let told = false
  // One listener that counts: Deno also calls those that are added while a signal is being handled.
  const stop = () => {
    if (told) process.exit(130)
    told = true
    setTimeout(() => process.exit(1), graceMs).unref()
    Effect.runFork(Fiber.interrupt(fiber))
  }
  process.on("SIGINT", stop)
  process.on("SIGTERM", stop)
  fiber.addObserver((exit) => {
    if (Exit.isSuccess(exit)) return process.exit()
    if (Cause.hasInterruptsOnly(exit.cause)) return process.exit(stoppedCode)
    const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
    console.error(error === undefined ? Cause.pretty(exit.cause) : error.message)
    process.exit(1)
  })
}
