/** What has to be done from time to time, in every replica: keys renewed, and dead rows deleted. */
import { Effect, Schedule } from "effect"
import { eraseClosed } from "./account-closing.ts"
import { TrailUpkeep } from "./audit-trail.ts"
import { Sessions } from "./sessions.ts"
import { SigningKeys } from "./signing-keys.ts"
import { Users } from "./users.ts"

/** All of it once; what fails is logged, and done again the next time. */
export const upkeep = Effect.gen(function* () {
  const tasks = {
    "renew the signing keys": (yield* SigningKeys).renew,
    "delete expired sessions": (yield* Sessions).purge,
    "delete abandoned sign-ups": (yield* Users).purge,
    // A replica of a release before may still sign up some.
    "look at the names of users": (yield* Users).fillKeys,
    "erase closed accounts": yield* eraseClosed,
    "keep the audit trail": (yield* TrailUpkeep).run,
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
