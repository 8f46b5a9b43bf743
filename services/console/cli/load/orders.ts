/** One order of a load, placed and followed. */
import { Clock, Effect, Schedule } from "effect"
import type { OrderView } from "#shared/contracts/order-state.ts"
import type { OrderId } from "#shared/contracts/order.ts"
import { customerApi } from "../customer-api.ts"
import type { ApiError } from "../http.ts"
import { againForMinutes, endOf, isFinal, isPassing, type Tally, wishOf } from "../../load.ts"
import type { Customer } from "./customers.ts"

/** Sends a request as the customer, and replaces an expired token. */
const as = <A>(
  customer: Customer,
  ask: (token: string) => Effect.Effect<A, ApiError>,
): Effect.Effect<A, ApiError> =>
  Effect.suspend(() => {
    const token = customer.token()
    return Effect.catchIf(
      ask(token),
      ({ status }) => status === 401,
      () => Effect.andThen(customer.renew(token), Effect.suspend(() => ask(customer.token()))),
    )
  })

/** An unanswered order may have been placed, so it is retried with the same idempotency key. */
const everySecond = Schedule.spaced("1 second").pipe(
  Schedule.upTo({ duration: `${againForMinutes} minutes` }),
)

/**
 * Places one order and follows it until it is final, or until the retries end. Never fails: the
 * tally has the result.
 */
export const placeOne = (
  baseUrl: string,
  customer: Customer,
  tally: Tally,
  n: number,
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { placeOrder, order } = customerApi(baseUrl)
    const key = crypto.randomUUID()
    const startedAtMs = yield* Clock.currentTimeMillis
    tally.begin()
    const look = (id: OrderId) => as(customer, (token) => order(token, id))
    const followed = Effect.gen(function* () {
      let seen: OrderView = yield* as(customer, (token) => placeOrder(token, wishOf(n), key)).pipe(
        Effect.retry({ while: isPassing, schedule: everySecond }),
      )
      while (!isFinal(seen)) {
        yield* Effect.sleep("1 second")
        seen = yield* Effect.retry(look(seen.id), { while: isPassing, schedule: everySecond })
      }
      const end = endOf(seen)
      return [end, end === "failed otherwise" ? `${seen.id}: ${seen.reason}` : undefined] as const
    })
    const [end, trouble] = yield* Effect.catch(
      followed,
      ({ message }) => Effect.succeed(["no answer", message] as const),
    )
    tally.end(end, (yield* Clock.currentTimeMillis) - startedAtMs, trouble)
  })
