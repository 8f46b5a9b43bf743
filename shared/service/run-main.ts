/**
 * The entry point of a process. After SIGTERM it goes on serving for its drain, after Ctrl-C it
 * does not; then everything closes in order. A second signal, or ten seconds of closing, ends the
 * process at once, which loses nothing. A failure to start is one message and exit code 1, never a
 * stack.
 */
import { Cause, Effect, Exit, Fiber, Option } from "effect"
import { constants } from "node:os"
import { CurrentDrain, Drain } from "#shared/http/drain.ts"

const graceMs = 10_000

/** The terminal sends Ctrl-C to npm and to its child, and npm sends it to the child again. */
const sameCtrlCMs = 500

/**
 * Runs the program until it ends or is told to stop, then exits the process: after success with 0
 * or the exit code that the program has set, and after a stop with `stoppedCode`, or with 128 and
 * the signal's number, as shells expect of a command.
 */
export const runMain = (
  program: Effect.Effect<unknown, { readonly message: string }>,
  stoppedCode: number | "of the signal" = 0,
): void => {
  const drain = new Drain()
  const fiber = Effect.runFork(Effect.provideService(program, CurrentDrain, drain))
  const close = () => {
    setTimeout(() => process.exit(1), graceMs).unref()
    Effect.runFork(Fiber.interrupt(fiber))
  }
  // One listener that keeps count: Deno also calls listeners that are added while a signal is
  // handled.
  let stoppedBy: NodeJS.Signals = "SIGINT"
  let stoppedAtMs = 0
  const stop = (signal: NodeJS.Signals) => {
    if (drain.begun) {
      if (signal === "SIGINT" && performance.now() - stoppedAtMs < sameCtrlCMs) return
      process.exit(130)
    }
    stoppedBy = signal
    stoppedAtMs = performance.now()
    drain.begin()
    if (signal === "SIGTERM" && drain.ms > 0) setTimeout(close, drain.ms)
    else close()
  }
  process.on("SIGINT", stop)
  process.on("SIGTERM", stop)
  fiber.addObserver((exit) => {
    if (Exit.isSuccess(exit)) return process.exit()
    if (Cause.hasInterruptsOnly(exit.cause)) {
      const ofSignal = 128 + constants.signals[stoppedBy]
      return process.exit(stoppedCode === "of the signal" ? ofSignal : stoppedCode)
    }
    const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
    console.error(error === undefined ? Cause.pretty(exit.cause) : error.message)
    process.exit(1)
  })
}
