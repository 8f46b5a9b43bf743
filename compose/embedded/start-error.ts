/**
 * Why the embedded run could not start, or could not go on. The message is one line for the person
 * at the terminal: what happened, and the remedy. It is shown as it is, without a stack.
 */
import { Effect, Schema } from "effect"

export class StartError extends Schema.TaggedError<StartError>()("StartError", {
  message: Schema.String,
}) {}

/**
 * Runs file work below the data folder. Fails with StartError, which names the folder and DATA_DIR
 * as the remedy.
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
