/** Crashes a service on an operator's request. */
import { Context, Effect } from "effect"

/** The code after SIGKILL, which the first process of a container cannot send to itself. */
const exitCode = 137

/**
 * Ends the process at once: nothing is closed, flushed or handed back. A run of several services in
 * one process provides another Effect.
 */
export const Crash = Context.Reference<Effect.Effect<void>>("unwind/faults/Crash", {
  defaultValue: () => Effect.sync(() => process.exit(exitCode)),
})
