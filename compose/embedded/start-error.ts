/**
 * Why the embedded run could not start, or had to stop. The message is one line for the user at the
 * terminal: what happened, and the remedy. It is shown without a stack.
 */
import { Effect, Schema } from "effect"

export class StartError extends Schema.TaggedError<StartError>()("StartError", {
  message: Schema.String,
}) {}

/**
 * Runs file operations below the data folder. Fails with a StartError that names the folder, and
 * DATA_DIR as the remedy.
 */
export const inDataFolder = <A>(folder: string, work: () => A): Effect.Effect<A, StartError> =>
  Effect.try({
    try: work,
    catch: (cause) =>
      new StartError({
        message: `The data folder ${folder} cannot be used (${(cause as Error).message}): ` +
          "make it writable, or set DATA_DIR to another folder",
      }),
  })
