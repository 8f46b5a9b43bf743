/**
 * When a service starts, it contacts every service that it calls. So a wrong address is reported at
 * once, and not only when a request needs it.
 */
import { Effect, Schedule } from "effect"
import { addressName } from "#shared/config/addresses.ts"
import { exchange } from "#shared/http/client.ts"
import { callsOf, type ServiceName } from "#shared/roster.ts"

const timeoutMs = 5_000

const again = Schedule.min([Schedule.exponential("1 second"), Schedule.spaced("30 seconds")])

/** Calls each callee's /livez until it answers. */
export const seekCallees = (
  caller: ServiceName,
  settings: Readonly<Record<string, unknown>>,
): Effect.Effect<void> =>
  Effect.forEach(
    callsOf(caller),
    (name) =>
      exchange({ name, url: settings[addressName(name)] as URL, timeoutMs }, "/livez", {
        method: "GET",
      }).pipe(Effect.retry(again), Effect.ignore),
    { concurrency: "unbounded", discard: true },
  )
