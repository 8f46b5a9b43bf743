/** Passes two failpoints in turn, for ever, and prints each. The tests arm them. */
import { Effect } from "effect"
import { Failpoint, failpoint } from "#shared/failpoint.ts"
import { armedFailpoint } from "./armed-failpoint.ts"

const pass = (name: "orders.inserted" | "orders.decided") =>
  failpoint(name).pipe(
    Effect.andThen(Effect.sync(() => console.log(name))),
    Effect.delay("5 millis"),
  )

await pass("orders.inserted").pipe(
  Effect.andThen(pass("orders.decided")),
  Effect.forever,
  Effect.provideService(Failpoint, armedFailpoint(process.stdin)),
  Effect.runPromise,
)
