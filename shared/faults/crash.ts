/** How a service crashes when an operator wants it to. */
import { Context, Effect } from "effect"

/** As after SIGKILL. A process that is the first one of its container cannot send that to itself. */
const exitCode = 137

/** Ends the process at once: nothing is closed, nothing flushed, nothing handed back. Whoever runs several services in one process gives another one. */
export const Crash = Context.Reference<Effect.Effect<void>>("unwind/faults/Crash", {
  defaultValue: () => Effect.sync(() => process.exit(exitCode)),
})
