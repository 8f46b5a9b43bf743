/** One order of a load: what it asks for, and how it ends. */
import { Clock, Effect, Schedule } from "effect"
import { orderSaga } from "#shared/contracts/order-saga.ts"
import type { OrderId, OrderView } from "#shared/contracts/order.ts"
import { customerApi } from "../customer-api.ts"
import { ApiError } from "../http.ts"
import type { Customer } from "./customers.ts"
import type { End, Tally } from "./tally.ts"

/** By its number: of ten, seven can be fulfilled, and one each is refused at the money, the item and the slot. */
export const wishOf = (n: number) => ({
  amount: n % 10 === 1 ? 1_000_000 : 0.01,
  item: n % 10 === 4 ? 2_000_000_000 : 1 + n % 10,
  slot: n % 10 === 7 ? "23:59" : `0${n % 10}:00`,
})

const refusals = new Map<string, End>(
  orderSaga.map(({ step, refusal }) => [refusal, `no ${step}` as End]),
)

const endOf = ({ status, reason }: OrderView): End =>
  status === "completed" ? "completed" : refusals.get(reason ?? "") ?? "failed otherwise"

const isFinal = ({ status }: OrderView) => status === "completed" || status === "failed"

/** Asks as the customer; a token that ran out is replaced. */
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

const isPassing = ({ status }: ApiError) => status === undefined || status === 429 || status >= 500

/** What is not answered may have happened, so it is asked again with the same key; for two minutes. */
const again = Schedule.spaced("1 second").pipe(Schedule.upTo({ duration: "2 minutes" }))

/** Places one and follows it until it is final, or nobody answers any more. */
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
        Effect.retry({ while: isPassing, schedule: again }),
      )
      while (!isFinal(seen)) {
        yield* Effect.sleep("1 second")
        seen = yield* Effect.retry(look(seen.id), { while: isPassing, schedule: again })
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
