/** Regular maintenance, in every replica: keys are renewed, and dead rows deleted. */
import { Effect, Schedule } from "effect"
import { eraseClosed } from "./account-closing.ts"
import { TrailUpkeep } from "./audit-trail.ts"
import { Sessions } from "./sessions.ts"
import { SigningKeys } from "./signing-keys.ts"
import { Users } from "./users.ts"

/** Runs every task once. A task that fails is logged, and runs again the next time. */
export const upkeep = Effect.gen(function* () {
  const tasks = {
    "renew the signing keys": (yield* SigningKeys).renew,
    "delete expired sessions": (yield* Sessions).purge,
    "delete abandoned sign-ups": (yield* Users).purge,
    // A replica of an earlier release may still add users without keys.
    "fill in the keys of names": (yield* Users).fillKeys,
    "erase closed accounts": yield* eraseClosed,
    "maintain the audit trail": (yield* TrailUpkeep).run,
  }
  yield* Effect.forEach(
    Object.entries(tasks),
    ([name, task]) =>
      Effect.catchCause(task, (cause) => Effect.logWarning(`Could not ${name}`, cause)),
    { discard: true },
  )
})

/** Never ends. */
export const upkeepForEver = Effect.gen(function* () {
  const { trust } = yield* SigningKeys
  yield* Effect.all([
    upkeep.pipe(Effect.delay("5 minutes"), Effect.repeat(Schedule.forever)),
    trust.kept,
  ], { concurrency: "unbounded" })
})
