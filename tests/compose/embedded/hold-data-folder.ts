/** Holds the given data folder until it is killed. */
import { Effect } from "effect"
import { lockDataFolder } from "#compose/embedded/data-folder.ts"

await lockDataFolder(process.argv[2] ?? "").pipe(
  Effect.andThen(Effect.sync(() => console.log("held"))),
  Effect.andThen(Effect.sleep("1 hour")),
  Effect.scoped,
  Effect.runPromise,
)
