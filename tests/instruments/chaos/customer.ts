/**
 * A customer that acts as a careful client: it repeats a sign-up or an order unchanged until it has
 * an answer, compares the answers to the same key, and follows its orders until they are final.
 */
import { Effect, Option, Schedule, Schema } from "effect"
import { randomUUID } from "node:crypto"
import { OrderView } from "#shared/contracts/order-state.ts"
import type { Acknowledged, Evidence, Submission } from "./evidence.ts"
import type { ChaosSystem } from "./system.ts"

export interface ChaosCustomer {
  readonly username: string
  /**
   * Sends an order until it is acknowledged. Succeeds when the customer was told that it is final.
   */
  readonly order: (submission: Submission) => Effect.Effect<void>
}

interface Answer {
  readonly status: number
  readonly text: string
}

const tryForMs = 5_000
const created = 201
const conflict = 409
/** Statuses that say to come back later: too many log-ins, or an unavailable service. */
const passing = [429, 502, 503]

const backoff = Schedule.min([
  Schedule.exponential("100 millis"),
  Schedule.spaced("1 second"),
]).pipe(Schedule.jittered)
const untilAnswered = Effect.retry(backoff)

const orderIn = Schema.decodeUnknownOption(Schema.fromJsonString(OrderView))

/** Sends requests as one client, and records unexpected answers in the evidence. */
const clientOf = ({ fetch }: Pick<ChaosSystem, "fetch">, evidence: Evidence) => {
  /** One attempt. Fails if there is no answer, or one that says to come back later. */
  const send = (path: string, init: RequestInit): Effect.Effect<Answer, "no answer"> =>
    Effect.tryPromise({
      try: async (signal) => {
        const within = AbortSignal.any([signal, AbortSignal.timeout(tryForMs)])
        const response = await fetch(path, { ...init, signal: within })
        return { status: response.status, text: await response.text() }
      },
      catch: () => "no answer" as const,
    }).pipe(
      Effect.filterOrFail(({ status }) => !passing.includes(status), () => "no answer" as const),
    )
  return {
    get: (path: string, headers: Record<string, string>) => send(path, { headers }),
    post: (path: string, body: unknown, headers: Record<string, string> = {}) =>
      send(path, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify(body),
      }),
    unexpected: (what: string, { status, text }: Answer) =>
      Effect.suspend(() => {
        evidence.wrong.push(`${what} was answered ${status}: ${text.slice(0, 300)}`)
        return Effect.fail("no answer" as const)
      }),
  }
}

/** Signs a new customer up and logs it in. Retries until both are done. */
export const newCustomer = Effect.fnUntraced(function* (
  system: Pick<ChaosSystem, "fetch">,
  evidence: Evidence,
) {
  const { get, post, unexpected } = clientOf(system, evidence)
  const username = `customer-${randomUUID()}`
  const password = randomUUID()
  const signUp = Effect.gen(function* () {
    const email = `${username}@example.com`
    const signedUp = yield* post("/api/auth/users/", { username, password, email })
    // The name is taken by an earlier attempt of ours, whose answer was lost; it may still be
    // running.
    if (![created, conflict].includes(signedUp.status)) yield* unexpected("A sign-up", signedUp)
    const loggedIn = yield* post("/api/token/", { username, password })
    if (loggedIn.status === 401 && signedUp.status === conflict) return yield* Effect.fail("early")
    if (loggedIn.status !== 200) yield* unexpected("The log-in after a sign-up", loggedIn)
    return JSON.parse(loggedIn.text) as { readonly access: string }
  })
  const { access } = yield* untilAnswered(signUp)
  const authorization = `Bearer ${access}`

  /** Places the order once, and compares the answer with the first one. */
  const place = Effect.fnUntraced(function* (submission: Submission) {
    const headers = { authorization, "idempotency-key": submission.key }
    const answer = yield* post("/api/orders/", submission.wish, headers)
    if (answer.status !== created) yield* unexpected("An order", answer)
    const given = lastingIn(answer.text)
    const before = submission.acknowledged ??= given
    evidence.answersCompared++
    if (JSON.stringify(before) !== JSON.stringify(given)) {
      const both = `${JSON.stringify(before)} and ${JSON.stringify(given)}`
      evidence.wrong.push(`The key ${submission.key} had two answers: ${both}`)
    }
  })

  const look = Effect.fnUntraced(function* (id: string) {
    const answer = yield* get(`/api/orders/${id}`, { authorization })
    const order = orderIn(answer.text)
    if (answer.status !== 200 || Option.isNone(order)) {
      return yield* unexpected(`A look at the acknowledged order ${id}`, answer)
    }
    const { status } = order.value
    return status === "completed" || status === "failed" ? status : yield* Effect.fail("not final")
  })

  /** Cancels an order once. Succeeds with whether it was in time. */
  const cancel = Effect.fnUntraced(function* (id: string) {
    const answer = yield* post(`/api/orders/${id}/cancel`, undefined, { authorization })
    if (![200, conflict].includes(answer.status)) {
      yield* unexpected(`A cancel of the order ${id}`, answer)
    }
    return answer.status === 200
  })

  const customer: ChaosCustomer = {
    username,
    order: Effect.fnUntraced(function* (submission) {
      const tries = submission.sent === "twice at once" ? 2 : 1
      const first = Effect.all(Array.from({ length: tries }, () => place(submission)), {
        concurrency: tries,
      })
      submission.atOnce = yield* Effect.isSuccess(first)
      if (!submission.atOnce) yield* untilAnswered(Effect.delay(place(submission), "100 millis"))
      if (submission.sent === "again after the answer") yield* untilAnswered(place(submission))
      const { id } = submission.acknowledged!
      if (submission.cancels) submission.cancelled = yield* untilAnswered(cancel(id))
      submission.told = yield* untilAnswered(Effect.delay(look(id), "50 millis"))
    }, Effect.orDie),
  }
  return customer
  // What is retried for ever does not fail.
}, Effect.orDie)

const lastingIn = (text: string): Acknowledged => {
  const { id, username, amount, item, slot, createdAt } = JSON.parse(text) as Acknowledged
  return { id, username, amount, item, slot, createdAt }
}
